namespace PgCluster;

/// <summary>How a node would come back as a standby, and what that costs.</summary>
public sealed record RepairPlan
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>The node.</summary>
    public required string Name { get; init; }

    /// <summary>The leader it would stream from; null when there is none.</summary>
    public string? Upstream { get; init; }

    /// <summary>False when it streams from the leader already and nothing has to be done.</summary>
    public bool Needed { get; init; }

    /// <summary>What would be done: Follow, Rewind or Clone; null when nothing would, or nothing may.</summary>
    public RepairMethod? Method { get; init; }

    /// <summary>Why that, in a sentence.</summary>
    public string Why { get; init; } = "";

    /// <summary>Where its WAL and the leader's part; null when they do not, or nothing is known.</summary>
    public string? ForkLsn { get; init; }

    /// <summary>The node's timeline; 0 when unknown.</summary>
    public int Timeline { get; init; }

    /// <summary>The leader's timeline; 0 when unknown.</summary>
    public int UpstreamTimeline { get; init; }

    /// <summary>Bytes of WAL that only this node has and that would be discarded; 0 for none, null when unknown.</summary>
    public long? DiscardedBytes { get; init; }

    /// <summary>Where the WAL that would be discarded begins; null when none would be, or unknown.</summary>
    public string? DiscardedFrom { get; init; }

    /// <summary>Where it ends.</summary>
    public string? DiscardedTo { get; init; }

    /// <summary>Bytes that a new copy would bring over: the leader's databases, without WAL; null when nobody said.</summary>
    public long? CopyBytes { get; init; }

    /// <summary>True when what is discarded is kept beside the data directory.</summary>
    public bool KeepCopy { get; init; }

    /// <summary>True when WAL would be discarded, or may be, or the data directory replaced.</summary>
    public bool Discards => Method == RepairMethod.Clone || (Method == RepairMethod.Rewind && DiscardedBytes != 0);

    /// <summary>Its checks and steps; it has steps exactly when it may run.</summary>
    public required OperationPlan Operation { get; init; }
}
