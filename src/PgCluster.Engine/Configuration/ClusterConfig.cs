namespace PgCluster.Engine.Configuration;

/// <summary>The effective configuration of a cluster. Made by <c>ConfigLoader</c>; every option has its default here or in the schema.</summary>
public sealed record ClusterConfig
{
    /// <summary>cluster.name.</summary>
    public required string Name { get; init; }

    /// <summary>cluster.manager: native or pacemaker.</summary>
    public string Manager { get; init; } = "native";

    /// <summary>The file it was read from, absolute; null when there was none.</summary>
    public string? File { get; init; }

    /// <summary>[etcd].</summary>
    public EtcdConfig Etcd { get; init; } = new();

    /// <summary>[tls].</summary>
    public TlsConfig Tls { get; init; } = new();

    /// <summary>[postgres].</summary>
    public PostgresConfig Postgres { get; init; } = new();

    /// <summary>[[nodes]].</summary>
    public IReadOnlyList<NodeOptions> Nodes { get; init; } = [];

    /// <summary>[[poolers]].</summary>
    public IReadOnlyList<PoolerOptions> Poolers { get; init; } = [];

    /// <summary>[agent].</summary>
    public AgentOptions Agent { get; init; } = new();

    /// <summary>[proxy].</summary>
    public ProxyOptions Proxy { get; init; } = new();

    /// <summary>[failover].</summary>
    public FailoverOptions Failover { get; init; } = new();
}

/// <summary>How the store is reached. Paths are absolute.</summary>
public sealed record EtcdConfig
{
    /// <summary>Client URLs.</summary>
    public IReadOnlyList<string> Endpoints { get; init; } = ["http://127.0.0.1:2379"];

    /// <summary>Prefix of every key.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>User name; empty for none.</summary>
    public string User { get; init; } = "";

    /// <summary>File with the password on its first line; empty for none.</summary>
    public string PasswordFile { get; init; } = "";

    /// <summary>PEM file of the CA; empty for plain text.</summary>
    public string CaFile { get; init; } = "";

    /// <summary>PEM file of the client certificate; empty for none.</summary>
    public string CertFile { get; init; } = "";

    /// <summary>PEM file of its key; empty for none.</summary>
    public string KeyFile { get; init; } = "";

    /// <summary>For each request.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>For each connection.</summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Idle time after which a connection is probed.</summary>
    public TimeSpan KeepAliveTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the answer to a probe may take.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Key of the primary's address, below the namespace.</summary>
    public string PrimaryKey { get; init; } = "/master";
}

/// <summary>Mutual TLS of agents, proxies and clients: all three or none. Paths are absolute.</summary>
public sealed record TlsConfig
{
    /// <summary>PEM file of the CA.</summary>
    public string CaFile { get; init; } = "";

    /// <summary>PEM file of this side's certificate.</summary>
    public string CertFile { get; init; } = "";

    /// <summary>PEM file of its key.</summary>
    public string KeyFile { get; init; } = "";

    /// <summary>True when all three are given.</summary>
    public bool Enabled => CaFile.Length > 0;
}

/// <summary>How agents use their PostgreSQL.</summary>
public sealed record PostgresConfig
{
    /// <summary>Directory of postgres and pg_controldata; empty to find it.</summary>
    public string BinDirectory { get; init; } = "";

    /// <summary>Superuser the agent logs in as.</summary>
    public string User { get; init; } = "postgres";

    /// <summary>Database the agent logs in to.</summary>
    public string Database { get; init; } = "postgres";

    /// <summary>libpq password file (.pgpass form) for the agent and for replication; empty for none.</summary>
    public string PasswordFile { get; init; } = "";

    /// <summary>Role that standbys replicate as.</summary>
    public string ReplicationUser { get; init; } = "postgres";

    /// <summary>For each connection.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);
}

/// <summary>One PostgreSQL node.</summary>
public sealed record NodeOptions
{
    /// <summary>Name; also the application_name of its replication.</summary>
    public required string Name { get; init; }

    /// <summary>Host of its PostgreSQL.</summary>
    public required string Host { get; init; }

    /// <summary>Port of its PostgreSQL.</summary>
    public int Port { get; init; } = 5432;

    /// <summary>host:port of its agent's API.</summary>
    public required string Agent { get; init; }

    /// <summary>host:port of its agent's HTTP endpoints.</summary>
    public required string Http { get; init; }

    /// <summary>Data directory; needed by its own agent.</summary>
    public string DataDirectory { get; init; } = "";

    /// <summary>File the server's output is appended to; empty for postgresql.log in the data directory's parent.</summary>
    public string LogFile { get; init; } = "";

    /// <summary>Rack, zone or site.</summary>
    public string FailureDomain { get; init; } = "";

    /// <summary>Preference among equals; higher is taken first.</summary>
    public int Weight { get; init; }

    /// <summary>Never promote it.</summary>
    public bool NoFailover { get; init; }
}

/// <summary>One PgBouncer.</summary>
public sealed record PoolerOptions
{
    /// <summary>Name.</summary>
    public required string Name { get; init; }

    /// <summary>Host its clients connect to.</summary>
    public required string Host { get; init; }

    /// <summary>Port its clients connect to.</summary>
    public int Port { get; init; } = 6432;

    /// <summary>Name of the node it stands beside; empty for an application host's.</summary>
    public string Node { get; init; } = "";

    /// <summary>host:port of the process that keeps its pauses: the node's agent, or its own proxy.</summary>
    public required string Keeper { get; init; }

    /// <summary>Admin user.</summary>
    public string User { get; init; } = "pgbouncer";

    /// <summary>File with the admin password on its first line; empty for none.</summary>
    public string PasswordFile { get; init; } = "";

    /// <summary>Name of the admin console's database.</summary>
    public string Database { get; init; } = "pgbouncer";

    /// <summary>Directory of its Unix socket; empty to use host and port.</summary>
    public string SocketDirectory { get; init; } = "";

    /// <summary>The ini file that is rendered.</summary>
    public string ConfigFile { get; init; } = "/etc/pgbouncer/pgbouncer.ini";

    /// <summary>The template it is rendered from.</summary>
    public string TemplateFile { get; init; } = "/etc/pgbouncer/pgbouncer.ini.template";
}

/// <summary>How an agent works.</summary>
public sealed record AgentOptions
{
    /// <summary>Between two looks at the server.</summary>
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long its report stays in the store without it.</summary>
    public TimeSpan StateTtl { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Between two tries to write to the store.</summary>
    public TimeSpan KeyRetryInterval { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>How a proxy works.</summary>
public sealed record ProxyOptions
{
    /// <summary>Between two reads of the primary key besides the watch.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>For each such read.</summary>
    public TimeSpan GetTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Between two tries to apply an address.</summary>
    public TimeSpan RetryInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For each try.</summary>
    public TimeSpan PoolerTimeout { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>Budgets and limits of a failover.</summary>
public sealed record FailoverOptions
{
    /// <summary>For each agent's and keeper's answer.</summary>
    public TimeSpan HealthCheckTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>To take the lock.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Length of the lock's lease.</summary>
    public TimeSpan LockTtl { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>For one pooler to reach the paused state.</summary>
    public TimeSpan PauseTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>When a keeper resumes whatever happens.</summary>
    public TimeSpan PauseExpiry { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>For all resumes together.</summary>
    public TimeSpan ResumeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>From the last pause to the new primary.</summary>
    public TimeSpan MigrateTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>For each undo.</summary>
    public TimeSpan UndoTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>For the other nodes to follow.</summary>
    public TimeSpan FollowTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes a candidate may have to replay.</summary>
    public long MaxLag { get; init; } = 16L * 1024 * 1024;

    /// <summary>Age from which an open transaction is named.</summary>
    public TimeSpan BlockerAge { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>WAL segments that may wait for the archiver.</summary>
    public int MaxArchiveBacklog { get; init; } = 16;
}
