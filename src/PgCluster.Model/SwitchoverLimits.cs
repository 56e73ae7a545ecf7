using System.Globalization;

namespace PgCluster;

/// <summary>Every time limit and lock number of a switchover. All participants of one run have to use the same.</summary>
public sealed record SwitchoverLimits
{
    /// <summary>How long stopping the world waits for connections that are checked out; after it the final sync fails and nothing is flipped.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the final transaction may stand idle while the world is stopped; the server then ends its session and the world goes on.</summary>
    public TimeSpan IdleInTransactionTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>lock_timeout of the other guards.</summary>
    public TimeSpan GuardLockTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>idle_in_transaction_session_timeout of the other guards.</summary>
    public TimeSpan GuardIdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long the leader collects participants after a reset.</summary>
    public TimeSpan HelloWindow { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>After this time without any message a reset has failed: nobody could lead.</summary>
    public TimeSpan ResetTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long an application may take to pause.</summary>
    public TimeSpan PauseTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A participant that hears nothing of the leader for so long during a run resumes its application and cancels.</summary>
    public TimeSpan LeaderTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How often the log is read when nothing notifies.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(1) / 3;

    /// <summary>Least time between two status messages.</summary>
    public TimeSpan StatusInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long an application's check-out waits while the world is stopped.</summary>
    public TimeSpan GateTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Most rows of the log in one read.</summary>
    public int LogBatch { get; init; } = 100;

    /// <summary>Advisory lock of migrations: exclusive while migrating, shared by every step of a switchover.</summary>
    public long MigrationLock { get; init; } = 4919;

    /// <summary>Advisory lock of the application: shared by every connection that is checked out, exclusive to stop the world.</summary>
    public long GlobalLock { get; init; } = 4369;

    /// <summary>Advisory lock of whoever executes.</summary>
    public long ExecutorLock { get; init; } = 4370;

    /// <summary>How often a leader that has nothing new to say shows that it lives.</summary>
    public TimeSpan Heartbeat => LeaderTimeout / 3;

    /// <summary>Refuses limits that cannot work together.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>, naming the options and their values.</exception>
    public void Validate()
    {
        (string Name, TimeSpan Value)[] times =
        [
            (nameof(LockTimeout), LockTimeout), (nameof(IdleInTransactionTimeout), IdleInTransactionTimeout), (nameof(GuardLockTimeout), GuardLockTimeout),
            (nameof(GuardIdleTimeout), GuardIdleTimeout), (nameof(HelloWindow), HelloWindow), (nameof(ResetTimeout), ResetTimeout),
            (nameof(PauseTimeout), PauseTimeout), (nameof(LeaderTimeout), LeaderTimeout), (nameof(PollInterval), PollInterval),
            (nameof(StatusInterval), StatusInterval), (nameof(GateTimeout), GateTimeout),
        ];
        foreach (var (name, value) in times)
        {
            // Less than a millisecond is 0 to the server, and 0 there means for ever.
            if (value < TimeSpan.FromMilliseconds(1) || value > TimeSpan.FromDays(1))
            {
                throw Wrong($"{name} ({Text(value)}) must be from 0.001 s to one day");
            }
        }

        if (LogBatch is < 1 or > 10_000)
        {
            throw Wrong(string.Create(CultureInfo.InvariantCulture, $"{nameof(LogBatch)} ({LogBatch}) must be from 1 to 10000"));
        }

        Less(nameof(PollInterval), PollInterval, nameof(HelloWindow), HelloWindow, "or participants answer after the window has closed");
        Less(nameof(HelloWindow), HelloWindow, nameof(ResetTimeout), ResetTimeout, "or every reset fails before its window has closed");
        Less(nameof(PollInterval), PollInterval, nameof(LeaderTimeout), LeaderTimeout / 2, "or a leader that lives is taken for dead", " / 2");
        Less(nameof(StatusInterval), StatusInterval, nameof(LeaderTimeout), LeaderTimeout / 2, "or a leader that lives is taken for dead", " / 2");
        Less(
            $"{nameof(LockTimeout)} + {nameof(IdleInTransactionTimeout)}", LockTimeout + IdleInTransactionTimeout, nameof(GateTimeout), GateTimeout,
            "or applications see errors before the final sync has ended");
        Distinct(nameof(MigrationLock), MigrationLock, nameof(GlobalLock), GlobalLock);
        Distinct(nameof(MigrationLock), MigrationLock, nameof(ExecutorLock), ExecutorLock);
        Distinct(nameof(GlobalLock), GlobalLock, nameof(ExecutorLock), ExecutorLock);
    }

    private static void Less(string name, TimeSpan value, string otherName, TimeSpan other, string otherwise, string suffix = "")
    {
        if (value >= other)
        {
            throw Wrong($"{name} ({Text(value)}) must be less than {otherName}{suffix} ({Text(other)}), {otherwise}");
        }
    }

    private static void Distinct(string name, long value, string otherName, long other)
    {
        if (value == other)
        {
            throw Wrong(string.Create(CultureInfo.InvariantCulture, $"{name} ({value}) and {otherName} ({other}) must be different numbers"));
        }
    }

    private static string Text(TimeSpan value) => value.TotalSeconds.ToString("0.#######", CultureInfo.InvariantCulture) + " s";

    private static PgClusterException Wrong(string what) =>
        new(Reason.InvalidConfiguration, $"The limits of the switchover cannot be used: {what}.");
}
