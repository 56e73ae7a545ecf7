namespace PgCluster.Handoff;

/// <summary>When the owner's state goes to the successor: twice in every handoff.</summary>
public enum StateMoment
{
    /// <summary>Before the descriptors are handed over, so that a successor which cannot go on from it refuses before it has done anything.</summary>
    Preview,

    /// <summary>When the successor is ready. This one counts: the owner must not change what it has said until it knows how the handoff ends.</summary>
    Final,
}
