using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Restart;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Restart;

public sealed class RestartPlannerTests
{
    private static readonly FailoverConfig Options = new();

    [Fact]
    public void All_nodes_one_after_the_other_and_the_primary_under_a_pause()
    {
        var plan = Assess(SampleView.Sound(), new RestartRequest());

        Assert.Null(FailoverAssessment.RefusalOf(plan));
        Assert.Equal(("restart", "pg02,pg03,pg01", "pg01"), (plan.Kind, plan.Node, plan.From));
        Assert.Equal(
            ["lock ", "recheck ", "restart pg02", "stream pg02", "restart pg03", "stream pg03", "checkpoint pg01", "pause app", "restart pg01", "resume app", "stream pg02,pg03"],
            plan.Steps.Select(s => $"{s.Name} {s.Node}"));
        Assert.Equal(Enumerable.Range(1, 11), plan.Steps.Select(s => s.Number));
        Assert.NotEmpty(plan.Steps.Single(s => s.Name == "pause").Undo);
        Assert.DoesNotContain(plan.Steps, s => s.PointOfNoReturn);
    }

    [Fact]
    public void Standbys_alone_need_no_pause()
    {
        // A pooler that is paused is nothing to them.
        var view = SampleView.Sound();
        view = view with { Poolers = [.. view.Poolers.Select(p => p with { Pooler = p.Pooler with { State = PoolerState.Paused } })] };

        var plan = Assess(view, new RestartRequest { Nodes = ["pg03"] });

        Assert.Null(FailoverAssessment.RefusalOf(plan));
        Assert.Equal(["lock", "recheck", "restart", "stream"], plan.Steps.Select(s => s.Name));
    }

    [Fact]
    public void A_primary_that_has_to_be_first_is_first()
    {
        var view = SampleView.Sound();
        foreach (var name in (string[])["pg01", "pg02", "pg03"])
        {
            view = view.Server(name, s => s with
            {
                HotStandbyLimits = new Dictionary<string, long> { ["max_connections"] = 100 },
                PendingSettings = [new PendingSetting("max_connections", "100", "50")],
            });
        }

        var plan = Assess(view, new RestartRequest());

        Assert.Equal("pg01,pg02,pg03", plan.Node);
        Assert.Equal(
            ["checkpoint pg01", "pause app", "restart pg01", "resume app", "stream pg02,pg03", "restart pg02", "stream pg02", "restart pg03", "stream pg03"],
            plan.Steps.Skip(2).Select(s => $"{s.Name} {s.Node}"));
    }

    [Theory]
    [InlineData(null, "pg03")]
    [InlineData("pg02", null)]
    [InlineData("pg03", "pg03")]
    public void Only_those_that_wait_for_a_restart_when_that_is_asked_for(string? asked, string? restarted)
    {
        var view = SampleView.Sound().With("pg03", n => n with { PendingSettings = ["shared_buffers: 16384 -> 32768"] });

        var plan = Assess(view, new RestartRequest { Nodes = asked is null ? null : [asked], PendingOnly = true });

        Assert.Null(FailoverAssessment.RefusalOf(plan));
        Assert.Equal((restarted, restarted is null), (plan.Node, plan.Steps.Count == 0));
    }

    [Fact]
    public void A_node_that_cannot_say_whether_it_waits_is_warned_about()
    {
        var plan = Assess(SampleView.Sound().Down("pg03"), new RestartRequest { PendingOnly = true });

        Assert.Equal(["PendingKnown"], plan.Checks.Where(c => c.Status == CheckStatus.Warning).Select(c => c.Name));
    }

    public static TheoryData<string, Func<ClusterView, ClusterView>, string[]?, Reason, string> Refusals => new()
    {
        { "unknown", v => v, ["pg09"], Reason.NodeNotFound, "pg09" },
        { "silent", v => v.Silent("pg03"), ["pg03"], Reason.AgentUnreachable, "connection refused" },
        { "down", v => v.Down("pg03"), ["pg03"], Reason.PostgresUnavailable, "pg03 is Stopped" },
        { "no primary", v => v.Down("pg01"), ["pg03"], Reason.NoPrimary, "nobody runs" },
        { "no leader", v => v with { Leader = null }, ["pg03"], Reason.NoPrimary, "nobody holds" },
        { "archiver", v => v.Server("pg01", s => s with { ArchiverFailing = true }), ["pg01"], Reason.PreflightFailed, "last run failed" },
        { "pooler", v => v with { Poolers = [.. v.Poolers.Select(p => p with { Pooler = p.Pooler with { State = PoolerState.Unreachable, Evidence = "refused" } })] }, null, Reason.PoolerUnreachable, "app" },
        {
            "order", v => v.Server("pg01", s => s with { HotStandbyLimits = Senders, PendingSettings = [new("max_wal_senders", "10", "20")] }).Server("pg02", s => s with { HotStandbyLimits = Senders }),
            null, Reason.PreflightFailed, "pg02 would have max_wal_senders = 10"
        },
    };

    private static Dictionary<string, long> Senders => new() { ["max_wal_senders"] = 10 };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void A_check_that_says_no_names_what_it_saw(string what, Func<ClusterView, ClusterView> change, string[]? nodes, Reason reason, string evidence)
    {
        var plan = Assess(change(SampleView.Sound()), new RestartRequest { Nodes = nodes });

        var refusal = FailoverAssessment.RefusalOf(plan);
        Assert.True(refusal is not null, what);
        Assert.Equal(reason, refusal!.Reason);
        Assert.Contains(evidence, refusal.Message, StringComparison.Ordinal);
        Assert.Empty(plan.Steps);
    }

    [Theory]
    [InlineData("ANY 1 (pg02, pg03)", 0)]
    [InlineData("ANY 2 (pg02, pg03)", 2)]
    [InlineData("", 0)]
    public void Commits_that_would_wait_are_warned_about(string policy, int warnings)
    {
        var plan = Assess(SampleView.Sound().Server("pg01", s => s with { SynchronousStandbyNames = policy }), new RestartRequest());

        Assert.Equal(warnings, plan.Checks.Count(c => c is { Name: "Synchronous", Status: CheckStatus.Warning }));
    }

    private static OperationPlan Assess(ClusterView view, RestartRequest request) => RestartPlanner.Assess(view, request, Options, "id");
}
