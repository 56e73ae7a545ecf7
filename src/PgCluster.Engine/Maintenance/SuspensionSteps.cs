namespace PgCluster.Engine.Maintenance;

/// <summary>Names of the steps by which a node is taken out of service, beside the lock.</summary>
public static class SuspensionSteps
{
    /// <summary>Says so in the store.</summary>
    public const string Suspend = "suspend";

    /// <summary>Moves the primary to the best other node.</summary>
    public const string Failover = "failover";

    /// <summary>Waits until another node has its role.</summary>
    public const string Role = "role";

    /// <summary>Waits until no commit waits for the node any more.</summary>
    public const string Synchronous = "synchronous";

    /// <summary>Waits until no client session is left on the node, or the time for that is over.</summary>
    public const string Drain = "drain";

    /// <summary>Has Pacemaker stop the node's server.</summary>
    public const string Standby = "standby";
}
