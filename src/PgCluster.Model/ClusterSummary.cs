namespace PgCluster;

/// <summary>A cluster at a glance.</summary>
public sealed record ClusterSummary
{
    /// <summary>The cluster's name.</summary>
    public required string Name { get; init; }

    /// <summary>What holds it together: native or pacemaker.</summary>
    public required string Manager { get; init; }

    /// <summary>Name of the primary; null when there is none.</summary>
    public string? Primary { get; init; }

    /// <summary>The published address of the primary, host or host:port; null when none is published.</summary>
    public string? PrimaryAddress { get; init; }

    /// <summary>The primary's timeline; 0 when unknown.</summary>
    public int Timeline { get; init; }

    /// <summary>Nodes in the configuration.</summary>
    public int Nodes { get; init; }

    /// <summary>Nodes that run (and stream, when standby).</summary>
    public int NodesRunning { get; init; }

    /// <summary>What commits wait for, by the configuration, and what gives way when there are too few standbys.</summary>
    public SynchronousMode SynchronousMode { get; init; }

    /// <summary>Names of the synchronous standbys.</summary>
    public IReadOnlyList<string> SynchronousStandbys { get; init => field = Indexable.Of(value); } = [];

    /// <summary>Poolers known to the cluster.</summary>
    public int Poolers { get; init; }

    /// <summary>Poolers that are paused now.</summary>
    public int PoolersPaused { get; init; }

    /// <summary>True when etcd has a leader and answers linearizable reads.</summary>
    public bool Quorum { get; init; }

    /// <summary>Who holds the cluster's lock and why; null when it is free.</summary>
    public string? LockHolder { get; init; }

    /// <summary>True when the agents replace a lost primary without a person, by the configuration.</summary>
    public bool Automatic { get; init; }

    /// <summary>The suspension of that; null when there is none.</summary>
    public ClusterSuspension? Suspension { get; init; }

    /// <summary>The nodes that are out of service, each with who, until when and why.</summary>
    public IReadOnlyList<NodeSuspension> SuspendedNodes { get; init => field = Indexable.Of(value); } = [];

    /// <summary>The file this cluster was opened from; null when none.</summary>
    public string? ConfigFile { get; init; }
}
