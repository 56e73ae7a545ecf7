namespace PgCluster.Bench.Hosts;

/// <summary>Where the three members of etcd run.</summary>
internal enum EtcdLayout
{
    /// <summary>As the fault needs it, else on the database hosts.</summary>
    Auto,

    /// <summary>On the database hosts.</summary>
    Shared,

    /// <summary>On three hosts of their own.</summary>
    Own,
}
