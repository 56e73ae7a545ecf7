namespace PgCluster;

/// <summary>One PostgreSQL server of a cluster and what its agent says of it.</summary>
public sealed record ClusterNode
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>The node's name.</summary>
    public required string Name { get; init; }

    /// <summary>Host name or address of its PostgreSQL.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port of its PostgreSQL.</summary>
    public required int Port { get; init; }

    /// <summary>Primary or standby.</summary>
    public NodeRole Role { get; init; }

    /// <summary>How it takes part in synchronous replication, as its primary says.</summary>
    public SyncState SyncState { get; init; }

    /// <summary>The condition it is in.</summary>
    public NodeState State { get; init; }

    /// <summary>Timeline of its latest write or received record; 0 when unknown.</summary>
    public int Timeline { get; init; }

    /// <summary>Where a primary writes, or what a standby has received; text form, null when unknown.</summary>
    public string? Lsn { get; init; }

    /// <summary>What a standby has replayed; text form, null on a primary.</summary>
    public string? ReplayLsn { get; init; }

    /// <summary>Bytes of WAL the primary has written and this standby has not replayed; null when unknown.</summary>
    public long? LagBytes { get; init; }

    /// <summary>Seconds since the last replayed commit while WAL is outstanding, 0 when caught up; null when unknown.</summary>
    public double? LagSeconds { get; init; }

    /// <summary>The node this standby streams from; null when none or unknown.</summary>
    public string? Upstream { get; init; }

    /// <summary>Rack, zone or site; nodes of one domain may fail together.</summary>
    public string FailureDomain { get; init; } = "";

    /// <summary>Preference among equals; higher is taken first.</summary>
    public int Weight { get; init; }

    /// <summary>True when this node must never be promoted.</summary>
    public bool NoFailover { get; init; }

    /// <summary>
    /// Where the cluster's word on failure domain, weight and no_failover is another than that of the configuration file this was asked by, file and cluster, for example weight: 0 -> 10.
    /// The cluster's counts, everywhere.
    /// </summary>
    public IReadOnlyList<string> Overrides { get; init => field = Indexable.Of(value); } = [];

    /// <summary>Who has taken the node out of service, until when and why, in words; null while it is in service.</summary>
    public string? Suspended { get; init; }

    /// <summary>True when settings wait for a restart of its PostgreSQL.</summary>
    public bool PendingRestart => PendingSettings.Count > 0;

    /// <summary>The settings that wait for a restart, each with its value now and then, for example max_connections: 100 -> 200.</summary>
    public IReadOnlyList<string> PendingSettings { get; init => field = Indexable.Of(value); } = [];

    /// <summary>PostgreSQL's server_version, for example 15.18; null when unknown.</summary>
    public string? ServerVersion { get; init; }

    /// <summary>The system identifier of its data directory; null when unknown.</summary>
    public string? SystemIdentifier { get; init; }

    /// <summary>host:port of its agent.</summary>
    public string Agent { get; init; } = "";

    /// <summary>Version of its agent; null when unknown.</summary>
    public string? AgentVersion { get; init; }

    /// <summary>What the state was concluded from, in words.</summary>
    public string Evidence { get; init; } = "";
}
