using PgCluster.Engine.Configuration;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Configuration;

namespace PgCluster.Tests.Unit.Membership;

public sealed class MembershipPlannerTests
{
    private static readonly AddNodeRequest New = new()
    {
        Name = "pg03", Host = "10.0.0.3", DataDirectory = "/data", Agent = "10.0.0.3:8432", Http = "10.0.0.3:8008",
    };

    private static ClusterConfig File => ConfigTexts.Load(ConfigTexts.ThreeNodes).Config;

    [Fact]
    public void A_node_is_made_a_member_known_and_waited_for()
    {
        var plan = MembershipPlanner.Add(Facts(), New, "id");

        Assert.Equal([MembershipSteps.Member, MembershipSteps.Agents, MembershipSteps.Stream], plan.Steps.Select(s => s.Name));
        Assert.Equal("pg01,pg02", plan.Steps[1].Node);
        Assert.Equal(3600, plan.Steps[2].BudgetSeconds);
        Assert.NotEmpty(plan.Steps[0].Undo);
        Assert.Equal(2, MembershipPlanner.Add(Facts(), New with { Wait = false }, "id").Steps.Count);
    }

    public static TheoryData<string, Reason, AddNodeRequest> Slips => new()
    {
        { "WellFormed", Reason.InvalidArgument, New with { Name = "a b" } },
        { "WellFormed", Reason.InvalidArgument, New with { Host = "10.0.0.256" } },
        { "WellFormed", Reason.InvalidArgument, New with { Port = 0 } },
        { "WellFormed", Reason.InvalidArgument, New with { Agent = "nowhere" } },
        { "WellFormed", Reason.InvalidArgument, New with { Http = "nowhere" } },
        { "WellFormed", Reason.InvalidArgument, New with { DataDirectory = "data" } },
        { "WellFormed", Reason.InvalidArgument, New with { Timeout = TimeSpan.Zero } },
        { "NameIsFree", Reason.InvalidArgument, New with { Name = "pg02" } },
        { "NameIsFree", Reason.InvalidArgument, New with { Name = "PG02" } },
        { "AddressIsFree", Reason.InvalidArgument, New with { Host = "10.0.0.1" } },
        { "AddressIsFree", Reason.InvalidArgument, New with { Agent = "10.0.0.2:8432" } },
        { "AddressIsFree", Reason.InvalidArgument, New with { Http = "10.0.0.2:8432" } },
        { "AddressIsFree", Reason.InvalidArgument, New with { Http = New.Agent } },
    };

    [Theory]
    [MemberData(nameof(Slips))]
    public void A_slip_is_named_and_nothing_is_done(string check, Reason reason, AddNodeRequest request) => Refused(MembershipPlanner.Add(Facts(), request, "id"), check, reason);

    [Theory]
    [InlineData("pg02", false, "none", true)]
    [InlineData("pg02", true, "none", true)]
    [InlineData("pg01", false, "NotThePrimary", false)]
    [InlineData("pg09", false, "NodeKnown", false)]
    public void A_standby_may_leave(string name, bool stop, string failed, bool allowed)
    {
        var plan = MembershipPlanner.Remove(Facts(), new RemoveNodeRequest { Name = name, StopServer = stop }, "id");

        Assert.Equal(allowed, plan.Steps.Count > 0);
        Assert.Equal(failed, plan.Checks.FirstOrDefault(c => c.Status == CheckStatus.Failed)?.Name ?? "none");
        Assert.Equal(allowed && stop, plan.Steps.Any(s => s.Name == MembershipSteps.Stop));
        Assert.True(!allowed || plan.Steps.Single(s => s.PointOfNoReturn).Name == MembershipSteps.Remove);
    }

    [Fact]
    public void Whoever_leads_is_not_removed_even_when_its_server_is_down() =>
        Refused(MembershipPlanner.Remove(Facts() with { View = View("") with { Leader = new LeaderRecord("pg02", 1, "t") } }, new RemoveNodeRequest { Name = "pg02" }, "id"), "NotThePrimary", Reason.TargetNotEligible);

    [Theory]
    [InlineData("", CheckStatus.Passed)]
    [InlineData("*", CheckStatus.Passed)]
    [InlineData("FIRST 1 (pg02)", CheckStatus.Failed)]
    [InlineData("ANY 1 (pg02, pg03)", CheckStatus.Warning)]
    [InlineData("ANY 2 (pg02, pg03)", CheckStatus.Failed)]
    [InlineData("ANY 1 (pg03)", CheckStatus.Passed)]
    public void In_mode_manual_a_node_that_the_list_needs_stays(string list, CheckStatus expected)
    {
        var file = File with { Nodes = [.. File.Nodes, MemberOverlay.New("pg03", MembershipPlanner.RecordOf(New))!] };
        var plan = MembershipPlanner.Remove(new MembershipFacts(file, Members.Unread, View(list), Initialized: true), new RemoveNodeRequest { Name = "pg02" }, "id");

        Assert.Equal(expected, plan.Checks.Single(c => c.Name == "NotWaitedFor").Status);
    }

    [Fact]
    public void Where_the_leader_keeps_the_list_others_take_the_place_first_and_enough_have_to_stay()
    {
        var availability = new SynchronousConfig { Mode = SynchronousMode.Availability };
        var two = File with { Synchronous = availability };
        var three = two with { Nodes = [.. File.Nodes, MemberOverlay.New("pg03", MembershipPlanner.RecordOf(New))!] };

        var plan = MembershipPlanner.Remove(new MembershipFacts(three, Members.Unread, View(""), Initialized: true), new RemoveNodeRequest { Name = "pg02" }, "id");
        Assert.Equal([MembershipSteps.Lock, MembershipSteps.Policy, MembershipSteps.Remove, MembershipSteps.Agents], plan.Steps.Select(s => s.Name));
        Refused(MembershipPlanner.Remove(new MembershipFacts(two, Members.Unread, View(""), Initialized: true), new RemoveNodeRequest { Name = "pg02" }, "id"), "Configuration", Reason.InvalidConfiguration);
    }

    [Fact]
    public void Nothing_changes_without_quorum_management_or_a_primary()
    {
        Refused(MembershipPlanner.Add(Facts() with { View = View("") with { Store = new StoreHealth(false, 0, []) } }, New, "id"), "StoreQuorum", Reason.NoQuorum);
        Refused(MembershipPlanner.Add(Facts() with { Initialized = false }, New, "id"), "Initialized", Reason.NotInitialized);
        Refused(MembershipPlanner.Add(Facts() with { View = View("") with { Nodes = [] } }, New, "id"), "OnePrimary", Reason.NoPrimary);
    }

    [Fact]
    public void A_removed_node_may_come_again()
    {
        var facts = new MembershipFacts(File, new Members(new Dictionary<string, MemberRecord> { ["pg03"] = new MemberRecord { Removed = true } }, 4), View(""), Initialized: true);

        Assert.NotEmpty(MembershipPlanner.Add(facts, New, "id").Steps);
        Assert.Equal(["pg01", "pg02", "pg03"], facts.With("pg03", MembershipPlanner.RecordOf(New)).Nodes.Select(n => n.Name));
    }

    private static void Refused(OperationPlan plan, string check, Reason reason)
    {
        Assert.Empty(plan.Steps);
        var failed = Assert.Single(plan.Checks, c => c.Name == check && c.Status == CheckStatus.Failed);
        Assert.Equal(reason, failed.Reason);
        Assert.NotEmpty(failed.Remedy);
    }

    private static MembershipFacts Facts() => new(File, Members.Unread, View(""), Initialized: true);

    private static ClusterView View(string synchronous) => new()
    {
        Cluster = "demo",
        Store = new StoreHealth(true, 7, []),
        Leader = new LeaderRecord("pg01", 1, "t"),
        Nodes = [Node("pg01", NodeRole.Primary, synchronous), Node("pg02", NodeRole.Standby, "")],
        Poolers = [],
    };

    private static NodeObservation Node(string name, NodeRole role, string synchronous) => new(
        new ClusterNode { Cluster = "demo", Name = name, Host = name, Port = 5432, Role = role, State = NodeState.Running },
        new PostgresStatus { State = NodeState.Running, Role = role, SynchronousStandbyNames = synchronous });
}
