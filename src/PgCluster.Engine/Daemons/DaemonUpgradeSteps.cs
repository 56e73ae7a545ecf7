namespace PgCluster.Engine.Daemons;

/// <summary>Names of the steps of an upgrade beside the lock; each carries its daemon.</summary>
public static class DaemonUpgradeSteps
{
    /// <summary>Starts the daemon's program to see whether it could take over.</summary>
    public const string Rehearse = "rehearse";

    /// <summary>Starts it again, and waits until it is at work in the daemon's place.</summary>
    public const string Follow = "follow";

    /// <summary>Waits until the old process has ended.</summary>
    public const string Drain = "drain";
}
