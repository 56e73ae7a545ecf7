namespace PgCluster.Engine.Topology;

/// <summary>Where things stand in the store, below the cluster's namespace.</summary>
/// <param name="Primary">Key of the primary's address (etcd.primary_key).</param>
public sealed record StoreKeys(string Primary)
{
    /// <summary>Prefix of the cluster's lock: the same that pgsql-cluster-manager locks, so that both keep each other out.</summary>
    public string Lock => Primary + "/";

    /// <summary>Prefix of the nodes' reports, each under its agent's lease.</summary>
    public const string Nodes = "/nodes/";

    /// <summary>Prefix of the poolers' registrations, each under its keeper's lease.</summary>
    public const string Poolers = "/poolers/";

    /// <summary>Prefix of the proxies' reports, each under its proxy's lease.</summary>
    public const string Proxies = "/proxies/";

    /// <summary>The node that may run as a primary, under a lease of its agent.</summary>
    public const string Leader = "/leader";

    /// <summary>Who was the leader last: what outlives the lease.</summary>
    public const string LastLeader = "/last-leader";

    /// <summary>What the leader writes again and again: without it for the length of a lease, it has stopped.</summary>
    public const string LeaderBeat = "/leader-beat";

    /// <summary>There while the agents are to replace nobody by themselves; under a lease that nobody renews.</summary>
    public const string Suspended = "/suspended";

    /// <summary>Prefix of the nodes that are out of service, each by name; under a lease that nobody renews where it ends by itself.</summary>
    public const string SuspendedNodes = "/suspended-nodes/";

    /// <summary>The current or last operation's decision.</summary>
    public const string Operation = "/operation";

    /// <summary>Another database that clients move to, or have moved to.</summary>
    public const string Redirect = "/redirect";

    /// <summary>The synchronous policy the primary last ran under.</summary>
    public const string Synchronous = "/synchronous";

    /// <summary>Which role each node has, as the leader decided last.</summary>
    public const string Roles = "/roles";

    /// <summary>Prefix of what the observers see of the nodes, each under its observer's lease.</summary>
    public const string Health = "/health/";

    /// <summary>Prefix of the history; keys sort by time.</summary>
    public const string History = "/history/";

    /// <summary>Which database system the cluster is; absent until it is initialised.</summary>
    public const string Cluster = "/cluster";

    /// <summary>Prefix of what the cluster has agreed on about its nodes.</summary>
    public const string Members = "/members/";
}
