using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Pacemaker;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Pacemaker;

public sealed class PacemakerFailoverPlannerTests
{
    [Fact]
    public void A_sound_cluster_makes_a_plan_for_the_standby_that_Pacemaker_may_promote()
    {
        var plan = Assess(Sound()).Plan;

        Assert.Null(FailoverAssessment.RefusalOf(plan));
        Assert.Equal(("pg01", "pg03", false), (plan.From, plan.To, plan.Forced));
        Assert.Equal(["lock", "recheck", "checkpoint", "pause", "move", "promote", "repoint", "resume", "publish", "clear", "settle"], plan.Steps.Select(s => s.Name));
        Assert.Equal(["promote"], plan.Steps.Where(s => s.PointOfNoReturn).Select(s => s.Name));
        Assert.Equal("pg01,pg02", plan.Steps[^1].Node);
        Assert.All(plan.Steps.Where(s => s.Name is "lock" or "pause" or "move"), s => Assert.NotEmpty(s.Undo));
    }

    [Fact]
    public void Nobody_waits_for_a_node_on_which_Pacemaker_runs_nothing()
    {
        var plan = Assess(Seen(Sound(), p => p with { Members = [.. p.Members.Select(m => m.Name == "pg02" ? m with { IsOnline = false } : m)] })).Plan;

        Assert.Equal("pg01", plan.Steps[^1].Node);
    }

    [Fact]
    public void Nobody_but_the_synchronous_standby_of_Pacemaker_s_is_a_target()
    {
        var refused = Assess(Sound(), new FailoverRequest { Target = "pg02" });

        Assert.Equal(Reason.TargetNotEligible, refused.Refusal!.Reason);
        Assert.Contains("Pacemaker does not have it as the synchronous standby: HS:potential", refused.Refusal.Message, StringComparison.Ordinal);
        Assert.Equal(Reason.NodeNotFound, Assess(Sound(), new FailoverRequest { Target = "pg09" }).Refusal!.Reason);
    }

    public static TheoryData<string, Func<ClusterView, ClusterView>, Reason, string> Refusals => new()
    {
        { "no Pacemaker", v => Seen(v, p => p with { Error = "cibadmin failed" }), Reason.PacemakerUnavailable, "pg01: cibadmin failed" },
        { "maintenance", v => Seen(v, p => p with { InMaintenance = true }), Reason.PreflightFailed, "maintenance mode" },
        { "a constraint is left", v => Seen(v, p => p with { Moves = ["cli-prefer-msPostgresql"] }), Reason.PreflightFailed, "cli-prefer-msPostgresql" },
        { "another primary there", v => Seen(v, p => p with { Primary = "pg02" }), Reason.PreflightFailed, "Pacemaker has pg02 as the primary, and pg01 runs as one" },
        { "the target has failed", v => Seen(v, p => p with { Members = [.. p.Members.Select(m => m.Name == "pg03" ? m with { Failures = new Dictionary<string, int> { ["start"] = int.MaxValue } } : m)] }), Reason.PreflightFailed, "start until Pacemaker gave up" },
        { "nobody runs", v => v.Down("pg01"), Reason.NoPrimary, "no node runs as a primary" },
        { "nobody is synchronous", v => Seen(v, p => p with { Members = [.. p.Members.Select(m => m with { SyncState = SyncState.Async })] }), Reason.NoEligibleCandidate, "HS:sync" },
        { "an agent is silent", v => v.Silent("pg02"), Reason.AgentUnreachable, "pg02" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void What_stands_in_the_way_is_said_and_nothing_is_planned(string what, Func<ClusterView, ClusterView> change, Reason reason, string evidence)
    {
        var assessment = Assess(change(Sound()));

        Assert.True(assessment.Plan.Steps.Count == 0, what);
        Assert.Contains(assessment.Plan.Checks, c => c.Status == CheckStatus.Failed && c.Reason == reason && c.Evidence.Contains(evidence, StringComparison.Ordinal));
    }

    private static FailoverAssessment Assess(ClusterView view, FailoverRequest? request = null) => FailoverPlanner.Assess(view, request ?? new FailoverRequest(), new FailoverConfig(), "op1");

    private static ClusterView Sound() => Seen(SampleView.Sound() with { Manager = ClusterManager.Pacemaker, Leader = null }, p => p);

    private static ClusterView Seen(ClusterView view, Func<PacemakerReport, PacemakerReport> change) => view with
    {
        Nodes = [.. view.Nodes.Select(n => n with { Pacemaker = change(n.Pacemaker ?? Report()) })],
    };

    private static PacemakerReport Report() => new()
    {
        HasQuorum = true,
        Fences = true,
        Resource = "Postgresql",
        Group = "msPostgresql",
        Primary = "pg01",
        Synchronous = "pg03",
        Members =
        [
            new("pg01", true, false, NodeRole.Primary, SyncState.None, new Dictionary<string, int>(), "PRI, LATEST"),
            new("pg02", true, false, NodeRole.Standby, SyncState.Potential, new Dictionary<string, int>(), "HS:potential, STREAMING|POTENTIAL"),
            new("pg03", true, false, NodeRole.Standby, SyncState.Sync, new Dictionary<string, int>(), "HS:sync, STREAMING|SYNC"),
        ],
    };
}
