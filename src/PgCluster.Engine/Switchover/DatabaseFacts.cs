namespace PgCluster.Engine.Switchover;

/// <summary>What was read from one of the two databases. Lists of objects name those of what is moved, qualified.</summary>
public sealed record DatabaseFacts
{
    /// <summary>host:port/database; empty when its URI cannot be used.</summary>
    public string Address { get; init; } = "";

    /// <summary>Why nothing else was read.</summary>
    public DatabaseProblem Problem { get; init; }

    /// <summary>What the problem is; empty when there is none.</summary>
    public string ProblemText { get; init; } = "";

    /// <summary>Why the URI by which the other server is to reach this one cannot be used; empty when it can, or none is given.</summary>
    public string UriForOtherProblem { get; init; } = "";

    /// <summary>server_version_num.</summary>
    public int VersionNumber { get; init; }

    /// <summary>server_version.</summary>
    public string Version { get; init; } = "";

    /// <summary>Whether it is a standby.</summary>
    public bool InRecovery { get; init; }

    /// <summary>Whether a new transaction cannot write.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Whether the answering backend changes from one statement to the next.</summary>
    public bool BackendChanges { get; init; }

    /// <summary>Whether the backend is not the one that the connection was opened with: something stands in between.</summary>
    public bool Relayed { get; init; }

    /// <summary>The role.</summary>
    public string User { get; init; } = "";

    /// <summary>Whether the role is a superuser.</summary>
    public bool Superuser { get; init; }

    /// <summary>Whether the role has REPLICATION.</summary>
    public bool Replication { get; init; }

    /// <summary>Whether the role may CREATE in the database.</summary>
    public bool CanCreate { get; init; }

    /// <summary>Whether the role is a member of pg_create_subscription.</summary>
    public bool CanSubscribe { get; init; }

    /// <summary>Whether the role may set session_replication_role.</summary>
    public bool CanSetReplicationRole { get; init; }

    /// <summary>wal_level.</summary>
    public string WalLevel { get; init; } = "";

    /// <summary>max_replication_slots.</summary>
    public int MaxSlots { get; init; }

    /// <summary>Slots in existence.</summary>
    public int UsedSlots { get; init; }

    /// <summary>Replication origins the server has room for: max_active_replication_origins, or max_replication_slots before 18.</summary>
    public int MaxOrigins { get; init; }

    /// <summary>max_wal_senders.</summary>
    public int MaxSenders { get; init; }

    /// <summary>WAL senders running.</summary>
    public int UsedSenders { get; init; }

    /// <summary>max_logical_replication_workers.</summary>
    public int MaxApplyWorkers { get; init; }

    /// <summary>max_worker_processes.</summary>
    public int MaxWorkers { get; init; }

    /// <summary>Encoding of the database.</summary>
    public string Encoding { get; init; } = "";

    /// <summary>datcollate, datctype, and provider and locale where the server has them.</summary>
    public string Locale { get; init; } = "";

    /// <summary>Version of the collations' library; empty when unknown.</summary>
    public string CollationVersion { get; init; } = "";

    /// <summary>Installed extensions with their versions.</summary>
    public IReadOnlyDictionary<string, string> Extensions { get; init; } = new Dictionary<string, string>();

    /// <summary>Extensions that CREATE EXTENSION finds, with their default versions.</summary>
    public IReadOnlyDictionary<string, string> AvailableExtensions { get; init; } = new Dictionary<string, string>();

    /// <summary>All roles.</summary>
    public IReadOnlyList<string> Roles { get; init; } = [];

    /// <summary>Roles that own something of what is moved or were granted something on it.</summary>
    public IReadOnlyList<string> UsedRoles { get; init; } = [];

    /// <summary>All schemas but the system's.</summary>
    public IReadOnlyList<string> Schemas { get; init; } = [];

    /// <summary>Tables, sequences and rules.</summary>
    public SwitchoverCatalog Catalog { get; init; } = new([], []);

    /// <summary>Tables that belong to a role the role is no member of.</summary>
    public IReadOnlyList<string> NotOwned { get; init; } = [];

    /// <summary>Tables on which the role lacks TRIGGER.</summary>
    public IReadOnlyList<string> NoTrigger { get; init; } = [];

    /// <summary>Tables and sequences which the role cannot SELECT.</summary>
    public IReadOnlyList<string> NotReadable { get; init; } = [];

    /// <summary>Tables on which the role lacks INSERT, UPDATE, DELETE or TRUNCATE, and sequences on which it lacks UPDATE.</summary>
    public IReadOnlyList<string> NotWritable { get; init; } = [];

    /// <summary>Tables whose row security hides rows from the role.</summary>
    public IReadOnlyList<string> RowSecurity { get; init; } = [];

    /// <summary>Tables that hold rows; those which the role cannot read are left out.</summary>
    public IReadOnlyList<string> NotEmpty { get; init; } = [];

    /// <summary>Materialized views.</summary>
    public IReadOnlyList<string> MaterializedViews { get; init; } = [];

    /// <summary>Foreign tables.</summary>
    public IReadOnlyList<string> ForeignTables { get; init; } = [];

    /// <summary>Columns whose values are oids of this database's objects, as schema.table.column (type).</summary>
    public IReadOnlyList<string> OidColumns { get; init; } = [];

    /// <summary>Event triggers that are enabled.</summary>
    public IReadOnlyList<string> EventTriggers { get; init; } = [];

    /// <summary>Triggers of tables that are ENABLE ALWAYS or ENABLE REPLICA, as schema.table.trigger.</summary>
    public IReadOnlyList<string> ReplicaTriggers { get; init; } = [];

    /// <summary>Tablespaces of tables, other than the database's own.</summary>
    public IReadOnlyList<string> Tablespaces { get; init; } = [];

    /// <summary>Publications and subscriptions that are not ours.</summary>
    public IReadOnlyList<string> Publications { get; init; } = [];

    /// <summary>Large objects, counted up to a million.</summary>
    public long LargeObjects { get; init; }

    /// <summary>The transaction of the whole server that has been open longest, ours aside; null when there is none.</summary>
    public TransactionFacts? LongestTransaction { get; init; }

    /// <summary>Prepared transactions of the whole server.</summary>
    public IReadOnlyList<TransactionFacts> Prepared { get; init; } = [];

    /// <summary>Sessions whose transactions the role is not allowed to see.</summary>
    public int HiddenSessions { get; init; }

    /// <summary>Client connections of the database, ours aside.</summary>
    public IReadOnlyList<SessionFacts> Sessions { get; init; } = [];

    /// <summary>State that an earlier switchover left in the database: idle, in_progress or use_next_db; empty when there was none.</summary>
    public string State { get; init; } = "";

    /// <summary>Whether a run holds its lock in the database.</summary>
    public bool RunLocked { get; init; }

    /// <summary>Major version.</summary>
    public int Major => VersionNumber / 10000;
}
