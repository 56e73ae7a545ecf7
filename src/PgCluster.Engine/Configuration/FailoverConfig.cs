namespace PgCluster.Engine.Configuration;

/// <summary>The budgets and limits of a failover. How the budgets nest is in <see cref="BudgetRules"/>.</summary>
public sealed record FailoverConfig
{
    /// <summary>What the agents do when the primary is gone.</summary>
    public FailoverMode Mode { get; init; } = FailoverMode.Automatic;

    /// <summary>What is done when the primary's PostgreSQL dies and its agent lives.</summary>
    public CrashPolicy PrimaryCrash { get; init; } = CrashPolicy.Automatic;

    /// <summary>How long a primary that crashed may take to come back in place before it is replaced.</summary>
    public TimeSpan RestartTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Budget of asking one agent for its state.</summary>
    public TimeSpan HealthCheckTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Budget of taking, and of giving back, the cluster's lock.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the lock outlives a holder that died.</summary>
    public TimeSpan LockTtl { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long one pooler may take to pause; new queries wait meanwhile.</summary>
    public TimeSpan PauseTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>When a pooler resumes by itself, counted from the receipt of the pause.</summary>
    public TimeSpan PauseExpiry { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>Budget of resuming all poolers.</summary>
    public TimeSpan ResumeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Budget from the stop of the old primary until the new one is published.</summary>
    public TimeSpan MigrateTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Budget of all undo together.</summary>
    public TimeSpan UndoTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Budget of the other nodes to follow the new primary.</summary>
    public TimeSpan FollowTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes of WAL a target may lag behind before a planned failover refuses.</summary>
    public long MaxLag { get; init; } = 16L << 20;

    /// <summary>Age from which an open transaction counts as a blocker of a pause.</summary>
    public TimeSpan BlockerAge { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>WAL segments that may wait for the archiver before a planned failover refuses.</summary>
    public int MaxArchiveBacklog { get; init; } = 16;
}
