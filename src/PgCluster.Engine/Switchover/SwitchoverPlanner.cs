namespace PgCluster.Engine.Switchover;

/// <summary>Which steps a switchover has. Pure.</summary>
public static class SwitchoverPlanner
{
    /// <summary>The kind of these plans and reports.</summary>
    public const string Kind = "switchover";

    // Nobody waits for a copy: it takes what it takes, and can be stopped.
    private const double WeekSeconds = 7 * 24 * 3600;

    /// <summary>Makes the plan; it has steps exactly when no check has failed.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="from">Where the application is now, as host:port/database.</param>
    /// <param name="to">Where it is to be.</param>
    /// <param name="options">What was asked for.</param>
    /// <param name="engine">The engine that was chosen.</param>
    /// <param name="rollback">True when the way back is taken: everything flows already.</param>
    /// <param name="limits">Time limits.</param>
    /// <param name="checks">What was looked at.</param>
    public static OperationPlan Plan(
        string id, string from, string to, SwitchoverOptions options, SwitchoverEngine engine, bool rollback, SwitchoverLimits limits,
        IReadOnlyList<PreflightCheck> checks)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(limits);
        ArgumentNullException.ThrowIfNull(checks);
        var may = checks.All(c => c.Status != CheckStatus.Failed);
        return new OperationPlan
        {
            Id = id,
            Kind = rollback ? $"{Kind} rollback" : Kind,
            Cluster = from,
            From = from,
            To = to,
            Checks = checks,
            Steps = may ? Steps(from, to, options, engine, rollback, limits) : [],
        };
    }

    private static List<PlanStep> Steps(
        string from, string to, SwitchoverOptions options, SwitchoverEngine engine, bool rollback, SwitchoverLimits limits)
    {
        var steps = new List<PlanStep>();
        var wait = limits.GuardLockTimeout.TotalSeconds;
        var stop = (limits.LockTimeout + limits.IdleInTransactionTimeout).TotalSeconds;
        var pooler = options.Stop == SwitchoverStop.Pooler;

        Add(
            SwitchoverSteps.Announce, "gather the nodes of the application and begin", from, (limits.HelloWindow + (4 * limits.ResetTimeout) + limits.GuardLockTimeout).TotalSeconds,
            "tell them that it is off");
        Add(SwitchoverSteps.Lock, "take the executor's lock and mark the source as in progress", from, wait, "mark it as idle");
        if (!rollback)
        {
            if (options.CopySchema)
            {
                Add(SwitchoverSteps.Schema, "bring tables and types over", to, WeekSeconds);
            }

            Add(SwitchoverSteps.Track, $"keep every change from here on ({engine})", from, WeekSeconds);
            Add(SwitchoverSteps.Copy, $"copy every row, {options.Jobs} at a time", to, WeekSeconds);
            if (options.CopySchema)
            {
                Add(SwitchoverSteps.Indexes, "build indexes, constraints and triggers", to, WeekSeconds);
            }
        }

        Add(SwitchoverSteps.CatchUp, $"apply what changed until less than {options.MaxLag} is missing", to, WeekSeconds);
        if (options.Verify != SwitchoverVerify.None)
        {
            Add(SwitchoverSteps.Verify, $"compare both sides at one moment ({options.Verify}); writers wait for that moment only", to, WeekSeconds);
            Add(SwitchoverSteps.CatchUp, "apply what changed meanwhile", to, WeekSeconds);
        }

        Add(SwitchoverSteps.Pause, "let the nodes pause their applications", from, limits.PauseTimeout.TotalSeconds, "let them go on");
        if (pooler)
        {
            Add(SwitchoverSteps.Route, "announce to the poolers where they will lead", "", wait, "withdraw it");
            Add(SwitchoverSteps.Stop, "pause the poolers", "", stop, "resume them");
        }

        Add(SwitchoverSteps.Fence, $"lock the tables against every writer{(options.Stop == SwitchoverStop.Gate ? ", gates first" : "")}", from, stop, "let them go on");
        Add(SwitchoverSteps.Drain, "apply the last changes", to, stop);
        Add(SwitchoverSteps.Sequences, "set every sequence to the source's position", to, stop);
        Add(SwitchoverSteps.Turn, options.WayBack ? "keep from here on what changes on the target" : "end the flow", to, stop, "let it flow again");
        Add(SwitchoverSteps.Open, "let the target take writes", to, stop);
        Add(SwitchoverSteps.Flip, "flip the pointer and refuse writes on the source, in one transaction", from, stop, pointOfNoReturn: true);
        if (pooler)
        {
            Add(SwitchoverSteps.Repoint, "lead the poolers to the target", "", stop);
            Add(SwitchoverSteps.Resume, "let the poolers' clients go on", "", stop);
        }

        Add(SwitchoverSteps.Done, "tell the nodes", from, wait);
        Add(SwitchoverSteps.Back, options.WayBack ? "let the old database follow the new one" : "remove what the flow left behind", from, wait);
        return steps;

        void Add(string name, string description, string node, double budget, string undo = "", bool pointOfNoReturn = false) =>
            steps.Add(new PlanStep(steps.Count + 1, name, description, node, budget, undo, pointOfNoReturn));
    }
}
