namespace PgCluster;

/// <summary>How a standby takes part in synchronous replication: pg_stat_replication.sync_state of the primary.</summary>
public enum SyncState
{
    /// <summary>Not streaming from the primary, or the primary itself.</summary>
    None = 0,

    /// <summary>Asynchronous: commits do not wait for it.</summary>
    Async,

    /// <summary>Asynchronous now, synchronous when one before it in the list leaves.</summary>
    Potential,

    /// <summary>Synchronous: commits wait for it.</summary>
    Sync,

    /// <summary>A candidate of a quorum (ANY k): commits wait for k of these.</summary>
    Quorum,
}
