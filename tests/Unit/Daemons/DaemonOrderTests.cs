using PgCluster.Engine.Daemons;

namespace PgCluster.Tests.Unit.Daemons;

public sealed class DaemonOrderTests
{
    private static readonly ClusterDaemon Daemon = DaemonUpgradePlannerTests.Daemon("supervise-pg01");

    [Theory]
    [InlineData(DaemonState.Running, true)]
    [InlineData(DaemonState.Starting, false)]
    [InlineData(DaemonState.Draining, false)]
    [InlineData(DaemonState.Failed, false)]
    [InlineData(DaemonState.Rehearsed, false)]
    public void Only_one_at_work_is_told_anything(DaemonState state, bool allowed)
    {
        foreach (var kind in Enum.GetValues<DaemonOrderKind>())
        {
            Assert.Equal(allowed ? null : Reason.PlanStale, DaemonOrderRule.Refusal(Daemon with { State = state }, kind)?.Reason);
        }
    }

    [Theory]
    [InlineData(DaemonOrderKind.Upgrade, true)]
    [InlineData(DaemonOrderKind.Rehearse, true)]
    [InlineData(DaemonOrderKind.Drain, true)]
    [InlineData(DaemonOrderKind.Stop, false)]
    public void One_without_a_directory_hears_nothing_but_a_stop(DaemonOrderKind kind, bool refused) =>
        Assert.Equal(refused ? Reason.NotSupportedHere : null, DaemonOrderRule.Refusal(Daemon with { CanBeFollowed = false }, kind)?.Reason);

    [Theory]
    [InlineData(DaemonOrderKind.Upgrade, false)]
    [InlineData(DaemonOrderKind.Rehearse, false)]
    [InlineData(DaemonOrderKind.Drain, true)]
    [InlineData(DaemonOrderKind.Stop, true)]
    public void One_that_systemd_would_start_again_is_stopped_there(DaemonOrderKind kind, bool refused)
    {
        var refusal = DaemonOrderRule.Refusal(Daemon with { Unit = "pgcluster-supervise.service" }, kind);
        Assert.Equal(refused ? Reason.NotSupportedHere : null, refusal?.Reason);
        Assert.True(!refused || refusal!.Message.Contains("systemctl stop pgcluster-supervise.service", StringComparison.Ordinal));
    }

    [Fact]
    public void Records_and_orders_are_read_as_they_were_written()
    {
        var daemon = Daemon with { Listeners = ["grpc 127.0.0.1:1"], TakeoverMs = 1.5, DrainEndsAt = DateTimeOffset.UnixEpoch, Error = "why", StartedBy = 3, StartTicks = 9, Unit = "a.service" };
        Assert.Equivalent(daemon, DaemonRecord.FromJson(DaemonRecord.ToJson(daemon)), strict: true);
        var order = new DaemonOrder(DaemonOrderKind.Drain, TimeSpan.FromSeconds(2.5));
        Assert.Equal(order, DaemonOrder.FromJson(order.ToJson()));
        Assert.Null(DaemonOrder.FromJson("{"));
        Assert.Null(DaemonRecord.FromJson("nonsense"));
    }
}
