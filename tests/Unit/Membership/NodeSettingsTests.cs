using PgCluster.Engine.Configuration;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Configuration;

namespace PgCluster.Tests.Unit.Membership;

/// <summary>A node is changed while it serves: failure domain, weight, no_failover.</summary>
public sealed class NodeSettingsTests
{
    private static readonly SetNodeRequest Heavier = new() { Name = "pg02", Weight = 10, Actor = "me@here" };

    private static ClusterConfig File => ConfigTexts.Load(ConfigTexts.ThreeNodes).Config;

    [Fact]
    public void A_change_is_written_and_every_agent_works_with_it()
    {
        var plan = MembershipPlanner.Set(Facts(), Heavier with { FailureDomain = "b", NoFailover = true }, "id");

        Assert.Equal(("set-node", "pg02"), (plan.Kind, plan.Node));
        Assert.Equal([MembershipSteps.Set, MembershipSteps.Agents], plan.Steps.Select(s => s.Name));
        Assert.Equal("failure_domain: none -> b, weight: 0 -> 10, no_failover: false -> true", plan.Steps[0].Description);
        Assert.Equal("pg01,pg02", plan.Steps[1].Node);
        Assert.NotEmpty(plan.Steps[0].Undo);
    }

    [Theory]
    [InlineData(-5)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    public void Any_weight_will_do(int weight) => Assert.NotEmpty(MembershipPlanner.Set(Facts(), Heavier with { Weight = weight }, "id").Steps);

    [Fact]
    public void What_is_so_already_is_no_change()
    {
        var plan = MembershipPlanner.Set(Facts(new MemberRecord { Weight = 10 }), Heavier with { FailureDomain = "", NoFailover = false }, "id");

        Assert.Empty(plan.Steps);
        Assert.DoesNotContain(plan.Checks, c => c.Status == CheckStatus.Failed);
    }

    [Fact]
    public void The_clusters_word_counts_and_not_the_files()
    {
        var facts = Facts(new MemberRecord { Weight = 10, FailureDomain = "b" });

        Assert.Equal("weight: 10 -> 0", MembershipPlanner.Set(facts, Heavier with { Weight = 0 }, "id").Steps[0].Description);
        Assert.Equal(["failure_domain: none -> b", "weight: 0 -> 10"], NodeSettings.Overrides(File, facts.Config, "pg02"));
        Assert.Empty(NodeSettings.Overrides(File, facts.Config, "pg01"));
        Assert.Empty(NodeSettings.Overrides(File, facts.Config, "pg09"));
    }

    [Fact]
    public void What_was_not_asked_for_stays()
    {
        var before = new MemberRecord { Host = "10.0.0.2", Weight = 3, FailureDomain = "b", NoFailover = true, By = "somebody" };

        Assert.Equal(before with { Weight = 10, By = "me@here" }, NodeSettings.Change(before, MembershipPlanner.RecordOf(Heavier)));
        Assert.Equal(before with { FailureDomain = "", NoFailover = false, By = "me@here" },
            NodeSettings.Change(before, MembershipPlanner.RecordOf(new SetNodeRequest { Name = "pg02", FailureDomain = "", NoFailover = false, Actor = "me@here" })));
    }

    public static TheoryData<string, Reason, SetNodeRequest> Slips => new()
    {
        { "NodeKnown", Reason.NodeNotFound, Heavier with { Name = "pg09" } },
        { "WellFormed", Reason.InvalidArgument, Heavier with { Weight = null } },
        { "WellFormed", Reason.InvalidArgument, Heavier with { FailureDomain = "a\nb" } },
    };

    [Theory]
    [MemberData(nameof(Slips))]
    public void A_slip_is_named_and_nothing_is_done(string check, Reason reason, SetNodeRequest request) => Refused(MembershipPlanner.Set(Facts(), request, "id"), check, reason);

    [Fact]
    public void Nothing_changes_without_quorum_or_management_and_a_primary_is_not_needed()
    {
        Refused(MembershipPlanner.Set(Facts() with { View = View() with { Store = new StoreHealth(false, 0, []) } }, Heavier, "id"), "StoreQuorum", Reason.NoQuorum);
        Refused(MembershipPlanner.Set(Facts() with { Initialized = false }, Heavier, "id"), "Initialized", Reason.NotInitialized);
        Refused(MembershipPlanner.Set(Facts(new MemberRecord { Removed = true }), Heavier, "id"), "NodeKnown", Reason.NodeNotFound);

        var stranded = Facts(new MemberRecord { NoFailover = true }) with { View = View() with { Nodes = [], Leader = null } };
        Assert.NotEmpty(MembershipPlanner.Set(stranded, new SetNodeRequest { Name = "pg02", NoFailover = false }, "id").Steps);
    }

    [Theory]
    [InlineData("pg02", 2, CheckStatus.Warning, "only pg01 may lead then, which does")]
    [InlineData("pg01", 2, CheckStatus.Warning, "only pg02 may lead then")]
    [InlineData("pg02", 3, CheckStatus.Passed, "pg01, pg03 may lead")]
    public void Who_is_left_to_lead_is_said(string name, int nodes, CheckStatus expected, string evidence)
    {
        var plan = MembershipPlanner.Set(Facts(file: nodes == 3 ? Three() : File), new SetNodeRequest { Name = name, NoFailover = true }, "id");

        var check = plan.Checks.Single(c => c.Name == "SomebodyMayLead");
        Assert.Equal(expected, check.Status);
        Assert.StartsWith(evidence, check.Evidence, StringComparison.Ordinal);
        Assert.NotEmpty(plan.Steps);
        Assert.Equal(name == "pg01", plan.Checks.Any(c => c is { Name: "NotThePrimary", Status: CheckStatus.Warning }));
    }

    [Fact]
    public void The_last_one_that_may_lead_goes_on_being_it() =>
        Refused(MembershipPlanner.Set(Facts(new MemberRecord { NoFailover = true }), new SetNodeRequest { Name = "pg01", NoFailover = true }, "id"), "SomebodyMayLead", Reason.NoEligibleCandidate);

    [Fact]
    public void A_node_that_must_not_lead_any_more_is_not_waited_for()
    {
        var file = Three() with { Synchronous = new SynchronousConfig { Mode = SynchronousMode.Availability } };
        var retire = new SetNodeRequest { Name = "pg02", NoFailover = true };

        Assert.Equal([MembershipSteps.Set, MembershipSteps.Agents, MembershipSteps.Synchronous], MembershipPlanner.Set(Facts(file: file), retire, "id").Steps.Select(s => s.Name));
        Assert.Equal([MembershipSteps.Set, MembershipSteps.Agents], MembershipPlanner.Set(Facts(file: file), retire with { Name = "pg01" }, "id").Steps.Select(s => s.Name));
        Assert.Equal([MembershipSteps.Set, MembershipSteps.Agents], MembershipPlanner.Set(Facts(file: file), Heavier, "id").Steps.Select(s => s.Name));

        // Two that may lead cannot keep a standby synchronous when one of them must not.
        Refused(MembershipPlanner.Set(Facts(file: file with { Nodes = [.. File.Nodes] }), retire, "id"), "Configuration", Reason.InvalidConfiguration);
    }

    [Theory]
    [InlineData("ANY 1 (pg02, pg03)", true)]
    [InlineData("ANY 1 (pg03)", false)]
    public void In_mode_manual_a_list_that_names_it_is_warned_about(string list, bool warned)
    {
        var view = View(list);
        var plan = MembershipPlanner.Set(Facts(file: Three()) with { View = view }, new SetNodeRequest { Name = "pg02", NoFailover = true }, "id");

        Assert.Equal(warned, plan.Checks.Any(c => c is { Name: "NotWaitedFor", Status: CheckStatus.Warning }));
    }

    private static void Refused(OperationPlan plan, string check, Reason reason)
    {
        Assert.Empty(plan.Steps);
        var failed = Assert.Single(plan.Checks, c => c.Name == check && c.Status == CheckStatus.Failed);
        Assert.Equal(reason, failed.Reason);
        Assert.NotEmpty(failed.Remedy);
    }

    private static ClusterConfig Three() => File with { Nodes = [.. File.Nodes, File.Nodes[1] with { Name = "pg03", Host = "10.0.0.3", Agent = new HostPort("10.0.0.3", 8432), Http = new HostPort("10.0.0.3", 8008) }] };

    private static MembershipFacts Facts(MemberRecord? pg02 = null, ClusterConfig? file = null) => new(
        file ?? File, pg02 is null ? new Members(new Dictionary<string, MemberRecord>(), 0) : new Members(new Dictionary<string, MemberRecord> { ["pg02"] = pg02 }, 4), View(), Initialized: true);

    private static ClusterView View(string synchronous = "") => new()
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
