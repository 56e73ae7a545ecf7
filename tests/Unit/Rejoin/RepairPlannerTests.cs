using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Rejoin;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Rejoin;

public sealed class RepairPlannerTests
{
    private static readonly RepairRequest Request = new() { Node = "pg03", Actor = "ann@db" };

    // The leader left timeline 4 at 0/500; the node's WAL on it ends at 0/600.
    private static readonly RejoinSituation Ahead = new(
        new RejoinNode
        {
            SystemIdentifier = "1", Role = NodeRole.Primary, History = new TimelineHistory(4, []), Checkpoint = Lsn.Parse("0/400"), WalEnd = Lsn.Parse("0/600"), CanBeRewound = true,
        },
        new RejoinUpstream("pg01", "1", new TimelineHistory(5, [new TimelineSwitch(4, Lsn.Parse("0/500"))]), Lsn.Parse("0/900")));

    public static TheoryData<string, Func<ClusterView, ClusterView>, string, RepairMethod, Reason?, string> Early => new()
    {
        { "needs a look", v => v.Down("pg03"), "pg03", RepairMethod.Auto, null, "" },
        { "clone of one that streams", v => v, "pg03", RepairMethod.Clone, null, "" },
        { "streams elsewhere", v => v.With("pg03", n => n with { Upstream = "pg02" }), "pg03", RepairMethod.Auto, null, "" },
        { "streams an old timeline", v => v.With("pg03", n => n with { Timeline = 4 }), "pg03", RepairMethod.Auto, null, "" },
        { "unknown", v => v, "pg09", RepairMethod.Auto, Reason.NodeNotFound, "pg01, pg02, pg03" },
        { "leads", v => v, "pg01", RepairMethod.Clone, Reason.NodeNeeded, "pg01 leads" },
        { "holds the lease, and is down", v => (v with { Leader = new LeaderRecord("pg03", 5, "t") }).Down("pg03"), "pg03", RepairMethod.Auto, Reason.NodeNeeded, "pg03 leads" },
        { "no primary", v => v.Down("pg01").Down("pg03"), "pg03", RepairMethod.Auto, Reason.NoPrimary, "no primary" },
        { "a primary without the lease", v => (v with { Leader = null }).Down("pg03"), "pg03", RepairMethod.Auto, Reason.NoPrimary, "nobody holds the leader's lease" },
        { "silent agent", v => v.Silent("pg03"), "pg03", RepairMethod.Auto, Reason.AgentUnreachable, "connection refused" },
        { "locked", v => (v with { Lock = new StoreLockState("k", 1, new LockHolder("bob@db", "failover to pg02")) }).Down("pg03"), "pg03", RepairMethod.Auto, Reason.LockHeld, "bob@db" },
        { "no quorum", v => (v with { Store = v.Store with { HasQuorum = false } }).Down("pg03"), "pg03", RepairMethod.Auto, Reason.NoQuorum, "linearizable" },
    };

    [Theory]
    [MemberData(nameof(Early))]
    public void The_agent_is_asked_only_about_a_node_that_may_be_repaired(
        string what, Func<ClusterView, ClusterView> change, string node, RepairMethod method, Reason? reason, string evidence)
    {
        var plan = RepairPlanner.BeforeInspection(change(SampleView.Sound()), Request with { Node = node, Method = method }, "id");

        Assert.True(plan is null == reason is null, what);
        if (plan is not null)
        {
            var refusal = FailoverAssessment.RefusalOf(plan.Operation);
            Assert.Equal((reason, node), (refusal?.Reason, refusal?.Target));
            Assert.Contains(evidence, refusal!.Message, StringComparison.Ordinal);
            Assert.Empty(plan.Operation.Steps);
        }
    }

    [Theory]
    [InlineData(RepairMethod.Auto)]
    [InlineData(RepairMethod.Follow)]
    [InlineData(RepairMethod.Rewind)]
    public void A_node_that_streams_needs_nothing(RepairMethod method)
    {
        var plan = RepairPlanner.BeforeInspection(SampleView.Sound(), Request with { Method = method }, "id")!;

        Assert.Null(FailoverAssessment.RefusalOf(plan.Operation));
        Assert.Equal((false, "it streams from pg01", 0), (plan.Needed, plan.Why, plan.Operation.Steps.Count));
    }

    [Fact]
    public void The_plan_says_what_would_be_lost()
    {
        var plan = Assess(Ahead, Request with { KeepCopy = true });

        Assert.Equal((RepairMethod.Rewind, "pg01", true, true, true), (plan.Method, plan.Upstream, plan.Needed, plan.Discards, plan.KeepCopy));
        Assert.Equal(("0/500", 4, 5), (plan.ForkLsn, plan.Timeline, plan.UpstreamTimeline));
        Assert.Equal((0x100, "0/500", "0/600", 4711L), (plan.DiscardedBytes, plan.DiscardedFrom, plan.DiscardedTo, plan.CopyBytes));
        Assert.Equal(["lock", "recheck", "rewind", "stream"], plan.Operation.Steps.Select(s => s.Name));
        Assert.Equal([1, 2, 3, 4], plan.Operation.Steps.Select(s => s.Number));
        Assert.Equal("pg03", plan.Operation.Node);
    }

    [Theory]
    [InlineData(RepairMethod.Auto, false, RepairMethod.Rewind, true)]
    [InlineData(RepairMethod.Rewind, false, RepairMethod.Rewind, true)]
    [InlineData(RepairMethod.Clone, false, RepairMethod.Clone, true)]
    [InlineData(RepairMethod.Follow, false, null, false)]
    [InlineData(RepairMethod.Auto, true, RepairMethod.Follow, false)]
    [InlineData(RepairMethod.Follow, true, RepairMethod.Follow, false)]
    [InlineData(RepairMethod.Rewind, true, RepairMethod.Follow, false)]
    [InlineData(RepairMethod.Clone, true, RepairMethod.Clone, true)]
    public void The_method_is_what_was_asked_for_or_less(RepairMethod asked, bool fits, RepairMethod? method, bool discards)
    {
        var found = fits ? Ahead with { Node = Ahead.Node with { WalEnd = Lsn.Parse("0/500") } } : Ahead;

        var plan = Assess(found, Request with { Method = asked });

        Assert.Equal((method, discards), (plan.Method, plan.Discards));
        Assert.Equal(method is null, FailoverAssessment.RefusalOf(plan.Operation) is { Reason: Reason.PreflightFailed });
        Assert.Equal(method is null, plan.Operation.Steps.Count == 0);
    }

    [Fact]
    public void Data_of_another_cluster_is_replaced_only_by_a_clone_that_is_asked_for()
    {
        var found = Ahead with { Node = Ahead.Node with { SystemIdentifier = "2" } };

        Assert.Contains("of another cluster", FailoverAssessment.RefusalOf(Assess(found, Request).Operation)!.Message, StringComparison.Ordinal);
        Assert.Null(FailoverAssessment.RefusalOf(Assess(found, Request with { Method = RepairMethod.Clone }).Operation));
    }

    [Fact]
    public void A_synchronous_standby_that_is_copied_is_warned_about()
    {
        var plan = RepairPlanner.Assess(SampleView.Sound(), Request with { Method = RepairMethod.Clone }, new RejoinInspection(Ahead, null), new FailoverConfig(), "id");

        Assert.Equal(["Synchronous"], plan.Operation.Checks.Where(c => c.Status == CheckStatus.Warning).Select(c => c.Name));
        Assert.Null(plan.CopyBytes);
    }

    [Theory]
    [InlineData(RejoinMethod.Follow, 0L, RejoinMethod.Follow, 0L, null)]
    [InlineData(RejoinMethod.Rewind, 100L, RejoinMethod.Follow, 0L, null)]
    [InlineData(RejoinMethod.Rewind, 100L, RejoinMethod.Rewind, 100L, null)]
    [InlineData(RejoinMethod.Rewind, 100L, RejoinMethod.Rewind, 101L, "101 bytes")]
    [InlineData(RejoinMethod.Rewind, null, RejoinMethod.Rewind, 101L, null)]
    [InlineData(RejoinMethod.Rewind, 100L, RejoinMethod.Rewind, null, null)]
    [InlineData(RejoinMethod.Follow, 0L, RejoinMethod.Rewind, 1L, "a Rewind by now")]
    [InlineData(RejoinMethod.Rewind, 1L, RejoinMethod.Clone, 1L, "a Clone by now")]
    [InlineData(RejoinMethod.Clone, 1L, RejoinMethod.Impossible, 1L, "because")]
    public void An_agent_does_no_more_than_was_ordered(RejoinMethod planned, long? most, RejoinMethod now, long? bytes, string? against)
    {
        var said = new RejoinOrder(RepairMethod.Auto, planned, most, false).Against(new RejoinPlan(now, "because", DiscardedBytes: bytes));

        Assert.Equal(against is null, said is null);
        Assert.Contains(against ?? "", said ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void What_an_agent_found_survives_the_way_to_the_caller()
    {
        var read = RejoinSituation.FromJson(Ahead.ToJson())!;

        Assert.Equal(Ahead.ToJson(), read.ToJson());
        Assert.Equal((Ahead.Node.WalEnd, Ahead.Upstream.Position), (read.Node.WalEnd, read.Upstream.Position));
        Assert.Equal(Ahead.Upstream.History.Switches, read.Upstream.History.Switches);
        Assert.Null(RejoinSituation.FromJson("no"));
    }

    private static RepairPlan Assess(RejoinSituation found, RepairRequest request) =>
        RepairPlanner.Assess(SampleView.Sound().Down("pg03"), request, new RejoinInspection(found, 4711), new FailoverConfig(), "id");
}
