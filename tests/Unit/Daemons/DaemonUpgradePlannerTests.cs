using PgCluster.Engine.Configuration;
using PgCluster.Engine.Daemons;
using PgCluster.Engine.Failover;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Daemons;

public sealed class DaemonUpgradePlannerTests
{
    private static readonly string[] All = ["supervise-pg01", "supervise-pg03", "proxy-app", "supervise-pg02", "observe-far"];

    [Fact]
    public void All_are_rehearsed_before_the_first_is_followed_and_the_primarys_agent_is_last()
    {
        var plan = Assess(All.Select(n => Daemon(n)), new DaemonUpgradeRequest());

        Assert.Null(FailoverAssessment.RefusalOf(plan));
        Assert.Equal(("upgrade", "observe-far,proxy-app,supervise-pg02,supervise-pg03,supervise-pg01"), (plan.Kind, plan.Node));
        Assert.Equal(
            [
                "lock ", "rehearse observe-far", "rehearse proxy-app", "rehearse supervise-pg02", "rehearse supervise-pg03", "rehearse supervise-pg01",
                "follow observe-far", "drain observe-far", "follow proxy-app", "drain proxy-app", "follow supervise-pg02", "drain supervise-pg02", "follow supervise-pg03", "drain supervise-pg03",
                "follow supervise-pg01", "drain supervise-pg01",
            ],
            plan.Steps.Select(s => $"{s.Name} {s.Node}"));
        Assert.DoesNotContain(plan.Steps, s => s.PointOfNoReturn || (s.Undo.Length > 0 && s.Name != "lock"));
    }

    [Fact]
    public void Connections_may_go_on_for_as_long_as_was_asked()
    {
        var asked = Assess([Daemon("proxy-app")], new DaemonUpgradeRequest { DrainTimeout = TimeSpan.FromSeconds(90) });
        var configured = Assess([Daemon("proxy-app")], new DaemonUpgradeRequest());
        Assert.Equal(60, asked.Steps.Single(s => s.Name == "drain").BudgetSeconds - configured.Steps.Single(s => s.Name == "drain").BudgetSeconds);
    }

    [Fact]
    public void Those_that_were_asked_for_and_no_others()
    {
        var plan = Assess(All.Select(n => Daemon(n)), new DaemonUpgradeRequest { Names = ["supervise-pg03", "proxy-app"] });
        Assert.Equal("proxy-app,supervise-pg03", plan.Node);
    }

    [Fact]
    public void A_name_that_no_daemon_at_work_has_is_refused()
    {
        var plan = Assess([Daemon("proxy-app"), Daemon("supervise-pg01") with { State = DaemonState.Failed }], new DaemonUpgradeRequest { Names = ["proxy-app", "supervise-pg01"] });
        Assert.Equal(Reason.InvalidArgument, FailoverAssessment.RefusalOf(plan)?.Reason);
        Assert.Empty(plan.Steps);
    }

    [Fact]
    public void One_that_nobody_can_follow_is_refused()
    {
        var plan = Assess([Daemon("proxy-app"), Daemon("supervise-pg01") with { CanBeFollowed = false }], new DaemonUpgradeRequest());
        Assert.Equal(Reason.NotSupportedHere, FailoverAssessment.RefusalOf(plan)?.Reason);
        Assert.Contains("agent.handoff_directory", plan.Checks.Single(c => c.Status == CheckStatus.Failed).Evidence, StringComparison.Ordinal);
        Assert.Empty(plan.Steps);
    }

    [Theory]
    [InlineData(DaemonState.Starting)]
    [InlineData(DaemonState.Draining)]
    public void One_that_is_being_followed_already_is_waited_for(DaemonState state)
    {
        var plan = Assess([Daemon("proxy-app"), Daemon("proxy-app") with { Pid = 7, State = state }], new DaemonUpgradeRequest());
        Assert.Equal(Reason.LockHeld, FailoverAssessment.RefusalOf(plan)?.Reason);
    }

    [Fact]
    public void Two_of_a_name_are_refused()
    {
        var plan = Assess([Daemon("proxy-app"), Daemon("proxy-app") with { Machine = "other" }], new DaemonUpgradeRequest());
        Assert.Contains(plan.Checks, c => c is { Name: "OneOfEach", Status: CheckStatus.Failed });
    }

    [Fact]
    public void Who_does_not_answer_is_warned_of_and_nothing_to_follow_has_no_steps()
    {
        var census = new DaemonCensus([], [new PgClusterException(Reason.AgentUnreachable, "the agent of pg02 does not answer")]);
        var plan = DaemonUpgradePlanner.Assess(SampleView.Sound(), census, new DaemonUpgradeRequest(), new ClusterConfig { Name = "demo" }, "id");
        Assert.Contains(plan.Checks, c => c is { Status: CheckStatus.Warning } && c.Evidence.Contains("pg02", StringComparison.Ordinal));
        Assert.Null(FailoverAssessment.RefusalOf(plan));
        Assert.Empty(plan.Steps);
    }

    internal static ClusterDaemon Daemon(string name) => new()
    {
        Cluster = "demo",
        Name = name,
        Machine = "here",
        Pid = 100,
        State = DaemonState.Running,
        Version = "1.0",
        Program = "/usr/lib/pgcluster/pgcluster",
        StartedAt = DateTimeOffset.UnixEpoch,
        CanBeFollowed = true,
    };

    private static OperationPlan Assess(IEnumerable<ClusterDaemon> daemons, DaemonUpgradeRequest request) => DaemonUpgradePlanner.Assess(
        SampleView.Sound(), new DaemonCensus([.. daemons.Select(d => new DaemonSighting(d, "here:1"))], []), request, new ClusterConfig { Name = "demo" }, "id");
}
