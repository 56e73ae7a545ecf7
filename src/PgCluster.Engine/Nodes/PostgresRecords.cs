namespace PgCluster.Engine.Nodes;

/// <summary>How to stop a server: pg_ctl's modes without smart, which waits for clients for ever.</summary>
public enum ShutdownMode
{
    /// <summary>Ends sessions, writes the shutdown checkpoint, waits until standbys have it.</summary>
    Fast = 0,

    /// <summary>Ends at once; the next start recovers.</summary>
    Immediate,
}

/// <summary>What a data directory holds.</summary>
public enum DataDirectoryState
{
    /// <summary>Nobody has looked, or could.</summary>
    Unknown = 0,

    /// <summary>Nothing: it is missing, or has no file in it.</summary>
    Empty,

    /// <summary>A database cluster.</summary>
    Cluster,

    /// <summary>Files, but no database cluster.</summary>
    Other,
}

/// <summary>Where a standby streams from.</summary>
/// <param name="Name">The upstream node's name.</param>
/// <param name="Host">Its host.</param>
/// <param name="Port">Its port.</param>
/// <param name="Slot">Physical slot to stream through (primary_slot_name), which has to be there; empty for none, null to leave the setting as it is.</param>
public sealed record UpstreamAddress(string Name, string Host, int Port, string? Slot = null);

/// <summary>A standby that was taken off its upstream.</summary>
/// <param name="Timeline">Timeline it received last.</param>
/// <param name="ReceivedLsn">Where what it has on disk ends: nothing beyond was or will be acknowledged by it.</param>
/// <param name="ReplayedLsn">Where its replay stood when the budget ended or nothing was left to replay.</param>
public sealed record SealedStandby(int Timeline, Lsn ReceivedLsn, Lsn ReplayedLsn);

/// <summary>What a rewind or a clone did.</summary>
/// <param name="Changed">False when pg_rewind found nothing to take back.</param>
/// <param name="KeptDirectory">Where what was discarded lies now; null when nothing was kept.</param>
public sealed record RejoinResult(bool Changed, string? KeptDirectory);

/// <summary>What pg_control says after a stop.</summary>
/// <param name="Clean">True when the server shut down cleanly.</param>
/// <param name="CheckpointLsn">Where the latest checkpoint record begins: after a clean stop, the shutdown checkpoint.</param>
/// <param name="Timeline">Its timeline.</param>
public sealed record PostgresShutdown(bool Clean, Lsn CheckpointLsn, int Timeline);

/// <summary>Everything an agent sees of its server at one moment.</summary>
public sealed record PostgresStatus
{
    /// <summary>The condition.</summary>
    public required NodeState State { get; init; }

    /// <summary>Primary or standby; what the data directory says when the server is down.</summary>
    public NodeRole Role { get; init; }

    /// <summary>Process id of the postmaster; 0 when it does not run.</summary>
    public int PostmasterPid { get; init; }

    /// <summary>Timeline written or received; from pg_control when down; 0 when unknown.</summary>
    public int Timeline { get; init; }

    /// <summary>Write position of a primary, receive position of a standby; the latest checkpoint when down.</summary>
    public Lsn? Lsn { get; init; }

    /// <summary>Replay position of a standby.</summary>
    public Lsn? ReplayLsn { get; init; }

    /// <summary>Seconds since the last replayed commit while WAL is outstanding; 0 when caught up; null on a primary.</summary>
    public double? ReplayLagSeconds { get; init; }

    /// <summary>host:port a standby streams from; null when it does not.</summary>
    public string? UpstreamAddress { get; init; }

    /// <summary>primary_slot_name: the slot a standby streams through; empty for none, null when unknown.</summary>
    public string? UpstreamSlot { get; init; }

    /// <summary>True when replay is paused.</summary>
    public bool ReplayPaused { get; init; }

    /// <summary>recovery_min_apply_delay in milliseconds.</summary>
    public int ApplyDelayMs { get; init; }

    /// <summary>server_version; from PG_VERSION when down.</summary>
    public string? ServerVersion { get; init; }

    /// <summary>What its data directory holds.</summary>
    public DataDirectoryState Data { get; init; }

    /// <summary>System identifier of the data directory.</summary>
    public string? SystemIdentifier { get; init; }

    /// <summary>synchronous_standby_names as this server has it.</summary>
    public string SynchronousStandbyNames { get; init; } = "";

    /// <summary>Who streams from this server.</summary>
    public IReadOnlyList<ReplicationPeer> Standbys { get; init; } = [];

    /// <summary>Replication slots of this server.</summary>
    public IReadOnlyList<ReplicationSlot> Slots { get; init; } = [];

    /// <summary>max_slot_wal_keep_size in MiB; -1 when slots may keep WAL until the disk is full, null when unknown.</summary>
    public int? SlotWalKeepMegabytes { get; init; }

    /// <summary>Settings that were changed and wait for a restart (pg_settings.pending_restart).</summary>
    public IReadOnlyList<PendingSetting> PendingSettings { get; init; } = [];

    /// <summary>
    /// The settings that a standby must have at least as large as its primary, else it stops replaying: see <see cref="Restart.RestartOrder"/>.
    /// </summary>
    public IReadOnlyDictionary<string, long> HotStandbyLimits { get; init; } = new Dictionary<string, long>();

    /// <summary>WAL segments that wait for archive_command; 0 when archiving is off.</summary>
    public int ArchiveBacklog { get; init; }

    /// <summary>archive_mode is on and the last attempt failed.</summary>
    public bool ArchiverFailing { get; init; }

    /// <summary>What the state was concluded from.</summary>
    public string Evidence { get; init; } = "";
}

/// <summary>A row of pg_stat_replication.</summary>
/// <param name="Name">application_name: the standby node's name.</param>
/// <param name="State">streaming, catchup, startup, backup.</param>
/// <param name="SyncState">Its part in synchronous replication.</param>
/// <param name="SentLsn">Sent.</param>
/// <param name="FlushLsn">Flushed by the standby.</param>
/// <param name="ReplayLsn">Replayed by the standby.</param>
public sealed record ReplicationPeer(string Name, string State, SyncState SyncState, Lsn? SentLsn, Lsn? FlushLsn, Lsn? ReplayLsn);

/// <summary>A row of pg_replication_slots.</summary>
/// <param name="Name">slot_name.</param>
/// <param name="Logical">True for a logical slot: it does not exist on a standby before PostgreSQL 17.</param>
/// <param name="Active">In use now.</param>
/// <param name="Synced">True when the standby keeps a copy that survives a failover (PostgreSQL 17 and later).</param>
public sealed record ReplicationSlot(string Name, bool Logical, bool Active, bool Synced)
{
    /// <summary>The oldest WAL it keeps; null when it keeps none, or lost it to max_slot_wal_keep_size.</summary>
    public Lsn? RestartLsn { get; init; }
}
