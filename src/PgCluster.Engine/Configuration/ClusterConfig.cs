namespace PgCluster.Engine.Configuration;

/// <summary>
/// Everything a file, the environment and flags say about one cluster. The initial values are the product's defaults; what each option is
/// called in a file, and what it may be, is in <see cref="ConfigSchema"/>. Two configurations are equal when every option is.
/// </summary>
public sealed record ClusterConfig
{
    /// <summary>The cluster's name.</summary>
    public required string Name { get; init; }

    /// <summary>What holds the cluster together.</summary>
    public ClusterManager Manager { get; init; } = ClusterManager.Native;

    /// <summary>How to reach etcd, and what the keys are called.</summary>
    public EtcdConfig Etcd { get; init; } = new();

    /// <summary>The identity of this process towards agents, and theirs towards it.</summary>
    public TlsConfig Tls { get; init; } = new();

    /// <summary>What all PostgreSQL servers of the cluster have in common.</summary>
    public PostgresConfig Postgres { get; init; } = new();

    /// <summary>The PostgreSQL servers, in the order of the file.</summary>
    public ConfigList<NodeConfig> Nodes { get; init; } = [];

    /// <summary>The PgBouncers, in the order of the file.</summary>
    public ConfigList<PoolerConfig> Poolers { get; init; } = [];

    /// <summary>How an agent watches its server.</summary>
    public AgentConfig Agent { get; init; } = new();

    /// <summary>How a proxy follows the primary.</summary>
    public ProxyConfig Proxy { get; init; } = new();

    /// <summary>The leader's lease.</summary>
    public LeaderConfig Leader { get; init; } = new();

    /// <summary>How a node comes back.</summary>
    public RejoinConfig Rejoin { get; init; } = new();

    /// <summary>The budgets and limits of a failover.</summary>
    public FailoverConfig Failover { get; init; } = new();

    /// <summary>How the observers look at the nodes and agree on who is well.</summary>
    public HealthConfig Health { get; init; } = new();

    /// <summary>The synchronous policy that the leader maintains.</summary>
    public SynchronousConfig Synchronous { get; init; } = new();

    /// <summary>How many nodes are to have which role.</summary>
    public RolesConfig Roles { get; init; } = new();

    /// <summary>How Pacemaker is asked, where it is the manager.</summary>
    public PacemakerConfig Pacemaker { get; init; } = new();
}
