using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Maintenance;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Maintenance;

public sealed class NodeSuspensionPlannerTests
{
    private static readonly NodeSuspensionRequest Request = new() { Node = "pg03", Why = "a new disk", Actor = "ann@db" };

    public static TheoryData<string, NodeSuspensionRequest, SynchronousMode, string[]> Plans => new()
    {
        { "a standby", Request, SynchronousMode.Availability, ["lock", "suspend", "synchronous"] },
        { "a list that is kept by hand", Request, SynchronousMode.Manual, ["lock", "suspend"] },
        { "a standby, drained", Request with { Drain = true }, SynchronousMode.Availability, ["lock", "suspend", "synchronous", "drain"] },
        { "the primary", Request with { Node = "pg01" }, SynchronousMode.Availability, ["lock", "suspend"] },
        { "the primary, drained", Request with { Node = "pg01", Drain = true }, SynchronousMode.Availability, ["lock", "suspend", "failover", "synchronous", "drain"] },
        { "a standby hands over", Request with { HandsOver = true }, SynchronousMode.Availability, ["lock", "suspend", "role", "synchronous"] },
        { "the primary hands over", Request with { Node = "pg01", HandsOver = true }, SynchronousMode.Availability, ["lock", "suspend", "failover", "role", "synchronous"] },
        { "the primary hands over, by hand", Request with { Node = "pg01", HandsOver = true }, SynchronousMode.Manual, ["lock", "suspend", "failover"] },
        { "the primary, drained, by hand", Request with { Node = "pg01", Drain = true }, SynchronousMode.Manual, ["lock", "suspend", "failover", "drain"] },
    };

    [Theory]
    [MemberData(nameof(Plans))]
    public void What_it_takes(string what, NodeSuspensionRequest request, SynchronousMode mode, string[] steps)
    {
        var plan = Assess(SampleView.Sound(), request, mode);

        Assert.True(FailoverAssessment.RefusalOf(plan) is null, what);
        Assert.Equal(steps, plan.Steps.Select(s => s.Name));
        Assert.Equal(Enumerable.Range(1, steps.Length), plan.Steps.Select(s => s.Number));
        Assert.Equal((request.HandsOver ? "handover" : "suspend-node", request.Node, "pg01"), (plan.Kind, plan.Node, plan.From));
        Assert.Equal(steps.Contains("failover") ? "pg02" : null, plan.To);
        Assert.NotEmpty(plan.Steps.Single(s => s.Name == "suspend").Undo);
    }

    public static TheoryData<string, Func<ClusterView, ClusterView>, string, SynchronousMode, int, bool> Policies => new()
    {
        { "another is left", v => v, "pg03", SynchronousMode.Availability, 1, true },
        { "two are asked for", v => v, "pg03", SynchronousMode.Availability, 2, false },
        { "protection", v => v, "pg03", SynchronousMode.Protection, 2, false },
        { "nobody is asked for", v => v.Down("pg02"), "pg03", SynchronousMode.Performance, 1, true },
        { "the other is down", v => v.Down("pg02"), "pg03", SynchronousMode.Availability, 1, false },
        { "the other is silent", v => v.Silent("pg02"), "pg03", SynchronousMode.Availability, 1, false },
        { "the other never leads", v => v.With("pg02", n => n with { NoFailover = true }), "pg03", SynchronousMode.Availability, 1, false },
        { "the other is out of service too", v => v.With("pg02", n => n with { Suspended = "suspended by bob@db: x" }), "pg03", SynchronousMode.Availability, 1, false },
        { "by hand, another is named", v => v, "pg03", SynchronousMode.Manual, 1, true },
        { "by hand, no other is named", v => v.Server("pg01", s => s with { SynchronousStandbyNames = "FIRST 1 (pg03)" }), "pg03", SynchronousMode.Manual, 1, false },
        { "by hand, any", v => v.Server("pg01", s => s with { SynchronousStandbyNames = "ANY 1 (*)" }), "pg03", SynchronousMode.Manual, 1, true },
        { "by hand, nobody is named", v => v.Server("pg01", s => s with { SynchronousStandbyNames = "" }).Down("pg02"), "pg03", SynchronousMode.Manual, 1, true },
        { "drained, one is left for the new primary", v => v, "pg01", SynchronousMode.Availability, 1, true },
        { "drained, none is left for the new primary", v => v.Down("pg03"), "pg01", SynchronousMode.Availability, 1, false },
    };

    [Theory]
    [MemberData(nameof(Policies))]
    public void A_node_that_the_policy_needs_stays_unless_forced(string what, Func<ClusterView, ClusterView> change, string node, SynchronousMode mode, int standbys, bool may)
    {
        var request = Request with { Node = node, Drain = node == "pg01" };
        var view = change(SampleView.Sound());

        var refusal = FailoverAssessment.RefusalOf(Assess(view, request, mode, standbys));
        Assert.True(may == refusal is null, $"{what}: {refusal?.Message}");
        if (!may)
        {
            Assert.Equal((Reason.NodeNeeded, "PolicyHolds"), (refusal!.Reason, refusal.Message.Split(':')[0]));
            Assert.Contains("-Force", refusal.Message, StringComparison.Ordinal);
            var forced = Assess(view, request with { Force = true }, mode, standbys);
            Assert.Null(FailoverAssessment.RefusalOf(forced));
            Assert.Contains(forced.Checks, c => c is { Name: "PolicyHolds", Status: CheckStatus.Warning });
        }
    }

    public static TheoryData<string, Func<ClusterView, ClusterView>, NodeSuspensionRequest, Reason> Refusals => new()
    {
        { "unknown", v => v, Request with { Node = "pg09" }, Reason.NodeNotFound },
        { "no quorum", v => v with { Store = v.Store with { HasQuorum = false } }, Request, Reason.NoQuorum },
        { "locked", v => v with { Lock = new StoreLockState("k", 1, new LockHolder("bob@db", "x")) }, Request, Reason.LockHeld },
        { "silent, to be drained", v => v.Silent("pg03"), Request with { Drain = true }, Reason.AgentUnreachable },
        { "nobody could take over", v => v.With("pg02", n => n with { NoFailover = true }).With("pg03", n => n with { NoFailover = true }), Request with { Node = "pg01", Drain = true }, Reason.NoEligibleCandidate },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void A_check_that_says_no_has_its_reason(string what, Func<ClusterView, ClusterView> change, NodeSuspensionRequest request, Reason reason)
    {
        var plan = Assess(change(SampleView.Sound()), request, SynchronousMode.Availability);

        Assert.True(reason == FailoverAssessment.RefusalOf(plan)?.Reason, $"{what}: {FailoverAssessment.RefusalOf(plan)?.Message}");
        Assert.Empty(plan.Steps);
    }

    [Fact]
    public void A_silent_node_can_be_taken_out_of_service() =>
        Assert.NotEmpty(Assess(SampleView.Sound().Silent("pg03"), Request, SynchronousMode.Availability).Steps);

    [Theory]
    [InlineData(SynchronousMode.Availability, true)]
    [InlineData(SynchronousMode.Protection, false)]
    public void Who_hands_over_may_leave_fewer_standbys_where_a_lost_one_would(SynchronousMode mode, bool may)
    {
        var plan = Assess(SampleView.Sound().Down("pg02"), Request with { HandsOver = true }, mode);

        Assert.Equal(may ? null : Reason.NodeNeeded, FailoverAssessment.RefusalOf(plan)?.Reason);
        Assert.Contains(plan.Checks, c => c.Name == "PolicyHolds" && c.Status == (may ? CheckStatus.Warning : CheckStatus.Failed));
    }

    [Fact]
    public void DQ_12_the_only_node_has_nobody_to_hand_over_to()
    {
        var view = SampleView.Sound();
        var plan = Assess(view with { Nodes = [.. view.Nodes.Where(n => n.Name == "pg01")] }, Request with { Node = "pg01", HandsOver = true }, SynchronousMode.Availability);

        Assert.Null(FailoverAssessment.RefusalOf(plan));
        Assert.Empty(plan.Steps);
    }

    [Fact]
    public void The_lock_of_the_run_itself_is_no_obstacle()
    {
        var view = SampleView.Sound() with { Lock = new StoreLockState("mine", 1, new LockHolder("ann@db", "suspension of pg03")) };

        Assert.Null(FailoverAssessment.RefusalOf(NodeSuspensionPlanner.Assess(view, Request, Config(SynchronousMode.Availability, 1), "id", "mine")));
    }

    [Fact]
    public void A_list_that_names_the_node_by_hand_is_warned_about() =>
        Assert.Contains(Assess(SampleView.Sound(), Request, SynchronousMode.Manual).Checks, c => c is { Name: "ManualList", Status: CheckStatus.Warning });

    private static OperationPlan Assess(ClusterView view, NodeSuspensionRequest request, SynchronousMode mode, int standbys = 1) =>
        NodeSuspensionPlanner.Assess(view, request, Config(mode, standbys), "id");

    private static ClusterConfig Config(SynchronousMode mode, int standbys) => new() { Name = "test", Synchronous = new SynchronousConfig { Mode = mode, Standbys = standbys } };
}
