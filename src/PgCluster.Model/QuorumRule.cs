namespace PgCluster;

/// <summary>How many of the observers have to agree that a node is healthy.</summary>
public enum QuorumRule
{
    /// <summary>More than half of the voters: two groups that have no voter in common can never both have it.</summary>
    StrictMajority = 0,

    /// <summary>At least half of the voters, as Praefect counts: of two voters one is enough.</summary>
    HalfOrMore,
}
