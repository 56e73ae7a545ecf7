namespace PgCluster.Engine.Failover;

/// <summary>Names of the steps of a failover, as plans, reports and the history carry them.</summary>
public static class FailoverSteps
{
    /// <summary>Takes the cluster's lock and announces the operation.</summary>
    public const string Lock = "lock";

    /// <summary>Looks once more, under the lock, whether the cluster is as the plan found it.</summary>
    public const string Recheck = "recheck";

    /// <summary>Lets the standbys that stay stream from the target already, so that no commit has to wait for them after the promotion.</summary>
    public const string Cascade = "cascade";

    /// <summary>A checkpoint ahead, so that the one at shutdown is small.</summary>
    public const string Checkpoint = "checkpoint";

    /// <summary>Pauses every pooler under leases.</summary>
    public const string Pause = "pause";

    /// <summary>Stops the primary.</summary>
    public const string Stop = "stop";

    /// <summary>Proves that the target has the shutdown checkpoint.</summary>
    public const string Prove = "prove";

    /// <summary>Decides for the target, promotes it and publishes its address: the point of no return.</summary>
    public const string Promote = "promote";

    /// <summary>Confirms that the store names the target.</summary>
    public const string Publish = "publish";

    /// <summary>Waits until every pooler leads to the target.</summary>
    public const string Repoint = "repoint";

    /// <summary>Lets clients through.</summary>
    public const string Resume = "resume";

    /// <summary>Makes every other node a standby of the target.</summary>
    public const string Follow = "follow";

    /// <summary>Asks Pacemaker to move the primary.</summary>
    public const string Move = "move";

    /// <summary>Takes back what the move left in Pacemaker.</summary>
    public const string Clear = "clear";

    /// <summary>Has Pacemaker start the old primary as a standby, and waits until every standby streams from the new one.</summary>
    public const string Settle = "settle";

    /// <summary>The error of a plan with a step of a later version.</summary>
    internal static PgClusterException Unknown(PlanStep step) => new(Reason.PlanStale, $"the plan has a step '{step.Name}' that this version does not know");
}
