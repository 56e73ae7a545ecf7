namespace PgCluster.Engine.Restart;

/// <summary>Names of the steps of a restart beside the lock; each carries its node.</summary>
public static class RestartSteps
{
    /// <summary>Looks once more, under the lock, whether the cluster is as the plan found it.</summary>
    public const string Recheck = "recheck";

    /// <summary>A checkpoint ahead, so that the one at shutdown is small.</summary>
    public const string Checkpoint = "checkpoint";

    /// <summary>Pauses every pooler under leases.</summary>
    public const string Pause = "pause";

    /// <summary>Restarts PostgreSQL.</summary>
    public const string Restart = "restart";

    /// <summary>Lets clients through.</summary>
    public const string Resume = "resume";

    /// <summary>Waits until the standby streams again, or after the primary all that did, and as many are synchronous as before.</summary>
    public const string Stream = "stream";
}
