namespace PgCluster;

/// <summary>What a node can be waited for.</summary>
public enum NodeCondition
{
    /// <summary>It is in its role, in service, and the observers agree that it is well: whatever the cluster asks of it, it can do.</summary>
    Ready = 0,

    /// <summary>Its agent answers and its PostgreSQL runs in the role that the cluster gives it, a standby streaming from the primary on its timeline; also while it is out of service.</summary>
    InRole,
}
