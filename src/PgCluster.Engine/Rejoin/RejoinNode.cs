namespace PgCluster.Engine.Rejoin;

/// <summary>What is known of the node that wants to come back.</summary>
public sealed record RejoinNode
{
    /// <summary>False when there is no data directory that PostgreSQL could start from.</summary>
    public bool HasData { get; init; } = true;

    /// <summary>System identifier of its data directory.</summary>
    public string SystemIdentifier { get; init; } = "";

    /// <summary>True while its server runs.</summary>
    public bool Running { get; init; }

    /// <summary>What it runs as, or would start as.</summary>
    public NodeRole Role { get; init; }

    /// <summary>True when it was shut down in an orderly way.</summary>
    public bool CleanShutdown { get; init; }

    /// <summary>The timelines its WAL went through.</summary>
    public TimelineHistory History { get; init; } = new(1, []);

    /// <summary>Where its latest checkpoint begins: its WAL goes at least that far.</summary>
    public Lsn Checkpoint { get; init; }

    /// <summary>Where its own WAL ends, received but not replayed WAL included; null when that could not be found out.</summary>
    public Lsn? WalEnd { get; init; }

    /// <summary>wal_log_hints or data checksums are on, one of which pg_rewind needs.</summary>
    public bool CanBeRewound { get; init; }

    /// <summary>An earlier rewind of this directory did not come to its end: it must not be started as it is.</summary>
    public bool HalfRewound { get; init; }
}
