namespace PgCluster.Tests.Unit.Switchover;

public sealed class SwitchoverLimitsTests
{
    public static TheoryData<SwitchoverLimits, string, string> Wrong => new()
    {
        { new() { LockTimeout = TimeSpan.FromTicks(1) }, "LockTimeout", "0.0000001 s" },
        { new() { PollInterval = TimeSpan.FromSeconds(3) }, "PollInterval", "HelloWindow" },
        { new() { HelloWindow = TimeSpan.FromSeconds(15) }, "HelloWindow", "ResetTimeout" },
        { new() { StatusInterval = TimeSpan.FromSeconds(8) }, "StatusInterval", "LeaderTimeout" },
        { new() { PollInterval = TimeSpan.FromSeconds(2), LeaderTimeout = TimeSpan.FromSeconds(4) }, "PollInterval", "LeaderTimeout" },
        { new() { GateTimeout = TimeSpan.FromSeconds(15) }, "LockTimeout + IdleInTransactionTimeout (15 s)", "GateTimeout (15 s)" },
        { new() { LogBatch = 0 }, "LogBatch", "0" },
        { new() { MigrationLock = 4369 }, "MigrationLock (4369)", "GlobalLock (4369)" },
        { new() { GlobalLock = 4370 }, "GlobalLock", "ExecutorLock" },
        { new() { ExecutorLock = 4919 }, "MigrationLock", "ExecutorLock" },
    };

    [Fact]
    public void The_defaults_are_the_specifications()
    {
        var limits = new SwitchoverLimits();

        limits.Validate();
        Assert.Equal(
            [10, 5, 60, 60, 3, 15, 30, 1],
            new[]
            {
                limits.LockTimeout, limits.IdleInTransactionTimeout, limits.GuardLockTimeout, limits.GuardIdleTimeout, limits.HelloWindow,
                limits.ResetTimeout, limits.PauseTimeout, limits.StatusInterval,
            }.Select(time => time.TotalSeconds));
        Assert.Equal((4919, 4369, 4370, 100), (limits.MigrationLock, limits.GlobalLock, limits.ExecutorLock, limits.LogBatch));
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_bad_combination_names_both(SwitchoverLimits limits, string first, string second)
    {
        var error = Assert.Throws<PgClusterException>(limits.Validate);

        Assert.Equal(Reason.InvalidConfiguration, error.Reason);
        Assert.Contains(first, error.Message, StringComparison.Ordinal);
        Assert.Contains(second, error.Message, StringComparison.Ordinal);
    }
}
