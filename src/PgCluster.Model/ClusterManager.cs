namespace PgCluster;

/// <summary>What holds a cluster together.</summary>
public enum ClusterManager
{
    /// <summary>The agents themselves elect and promote, through an etcd lease.</summary>
    Native = 0,

    /// <summary>Pacemaker decides; the agents report and ask.</summary>
    Pacemaker,
}
