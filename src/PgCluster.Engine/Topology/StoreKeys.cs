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

    /// <summary>The current or last operation's decision.</summary>
    public const string Operation = "/operation";

    /// <summary>Another database that clients move to, or have moved to.</summary>
    public const string Redirect = "/redirect";

    /// <summary>The synchronous policy the primary last ran under.</summary>
    public const string Synchronous = "/synchronous";

    /// <summary>Prefix of the history; keys sort by time.</summary>
    public const string History = "/history/";
}
