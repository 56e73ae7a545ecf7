namespace PgCluster;

/// <summary>What happened to a cluster.</summary>
public enum ClusterEventKind
{
    /// <summary>How it stood when the watch began.</summary>
    Current = 0,

    /// <summary>A node holds the leadership: it may run as the primary.</summary>
    LeaderTaken,

    /// <summary>The leader has stopped its server for an operation, whose target may take over.</summary>
    LeaderYields,

    /// <summary>The leader gave the leadership back, and said why.</summary>
    LeaderGivenBack,

    /// <summary>The leader's lease ended without a word: its agent or host is gone, or cut off.</summary>
    LeaderLost,

    /// <summary>The primary's address was published, or changed.</summary>
    PrimaryPublished,

    /// <summary>No primary is published any more.</summary>
    PrimaryRemoved,

    /// <summary>An operation that moves the primary was announced.</summary>
    OperationBegan,

    /// <summary>It was decided: for its target, or for the old primary.</summary>
    OperationDecided,

    /// <summary>An operation is in the history: how it ended, who asked for it and why.</summary>
    OperationEnded,

    /// <summary>Automatic failover was suspended, or the suspension was changed.</summary>
    SuspensionBegan,

    /// <summary>The suspension is over.</summary>
    SuspensionEnded,

    /// <summary>The observers agree on something else about a node than before.</summary>
    HealthChanged,

    /// <summary>The clients of a pooler wait: it was paused.</summary>
    PoolerPaused,

    /// <summary>The clients of a pooler are served again.</summary>
    PoolerResumed,

    /// <summary>Events were missed: etcd had compacted them away. What differs now follows.</summary>
    Gap,
}
