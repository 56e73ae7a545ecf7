namespace PgCluster;

/// <summary>What may be lost at once.</summary>
public enum DurabilityScope
{
    /// <summary>Any one node.</summary>
    Node = 0,

    /// <summary>All nodes of any one failure domain; a node without one is a failure domain of its own.</summary>
    Zone,
}
