using PgCluster.Engine.Configuration;
using System.Globalization;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Nodes;

public sealed class NodeDeciderTests
{
    // self is pg01 throughout; "-" is none. A leader is node@timeline, so is the last one; a decision is state:from>target@timeline.
    [Theory]
    // It runs as a primary: it leads, or it stops.
    [InlineData(NodeRole.Primary, NodeState.Running, "-", "-", "-", NodeAction.Lead)]
    [InlineData(NodeRole.Primary, NodeState.Running, "-", "pg01@2", "-", NodeAction.Lead)]
    [InlineData(NodeRole.Primary, NodeState.Running, "pg01@2", "pg01@2", "-", NodeAction.Lead)]
    [InlineData(NodeRole.Primary, NodeState.Running, "pg02@3", "pg02@3", "-", NodeAction.Fence)]
    [InlineData(NodeRole.Primary, NodeState.Running, "pg02@1", "pg02@1", "-", NodeAction.Fence)]
    [InlineData(NodeRole.Primary, NodeState.Running, "-", "pg02@2", "-", NodeAction.Fence)]
    [InlineData(NodeRole.Primary, NodeState.Running, "-", "pg02@3", "-", NodeAction.Fence)]
    [InlineData(NodeRole.Primary, NodeState.Running, "-", "-", "Promoted:pg01>pg02@3", NodeAction.Fence)]
    // Promoted by hand after the last leader: its timeline outranks.
    [InlineData(NodeRole.Primary, NodeState.Running, "-", "pg02@1", "Promoted:pg03>pg02@1", NodeAction.Lead)]
    // It is a standby: it follows the leader and nobody else.
    [InlineData(NodeRole.Standby, NodeState.Running, "pg02@2", "pg02@2", "-", NodeAction.Follow)]
    [InlineData(NodeRole.Standby, NodeState.NotStreaming, "pg02@2", "pg02@2", "-", NodeAction.Follow)]
    [InlineData(NodeRole.Standby, NodeState.Running, "pg01@3", "pg01@3", "-", NodeAction.FinishTakeover)]
    [InlineData(NodeRole.Standby, NodeState.Running, "-", "pg02@2", "-", NodeAction.Elect)]
    [InlineData(NodeRole.Standby, NodeState.NotStreaming, "-", "pg02@2", "-", NodeAction.Elect)]
    // Nobody has ever led: the first leader is the node that runs as a primary.
    [InlineData(NodeRole.Standby, NodeState.Running, "-", "-", "-", NodeAction.None)]
    // A standby that crashed comes back; one that a person stopped does not.
    [InlineData(NodeRole.Standby, NodeState.Crashed, "pg02@2", "pg02@2", "-", NodeAction.Start)]
    [InlineData(NodeRole.Standby, NodeState.Stopped, "pg02@2", "pg02@2", "-", NodeAction.None)]
    // A primary that crashed under another leader comes back as a standby; one that a person stopped stays down.
    [InlineData(NodeRole.Primary, NodeState.Crashed, "pg02@3", "pg02@3", "-", NodeAction.Rejoin)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "pg02@3", "pg02@3", "-", NodeAction.None)]
    // Its lease is gone and nobody else has led since: others first.
    [InlineData(NodeRole.Primary, NodeState.Crashed, "-", "pg01@2", "-", NodeAction.None)]
    [InlineData(NodeRole.Primary, NodeState.Starting, "-", "-", "-", NodeAction.None)]
    [InlineData(NodeRole.Unknown, NodeState.Unknown, "-", "-", "-", NodeAction.None)]
    public void While_it_does_not_lead(NodeRole role, NodeState state, string leader, string last, string decision, NodeAction expected) =>
        Assert.Equal(expected, NodeDecider.Decide(Situation(role, state, leader, last, decision)));

    [Theory]
    [InlineData(NodeRole.Primary, NodeState.Running, "pg01", "-", NodeAction.None)]
    [InlineData(NodeRole.Primary, NodeState.Running, "-", "-", NodeAction.Publish)]
    [InlineData(NodeRole.Primary, NodeState.Running, "pg02", "-", NodeAction.Publish)]
    [InlineData(NodeRole.Primary, NodeState.Running, "pg01", "Running:pg01>pg02@0", NodeAction.Abandon)]
    [InlineData(NodeRole.Primary, NodeState.Running, "pg01", "Running:pg03>pg02@0", NodeAction.None)]
    [InlineData(NodeRole.Primary, NodeState.Crashed, "pg01", "-", NodeAction.Recover)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "pg01", "-", NodeAction.HandOver)]
    public void While_it_leads(NodeRole role, NodeState state, string published, string decision, NodeAction expected) =>
        Assert.Equal(expected, NodeDecider.Decide(Situation(role, state, "pg01@2", "pg01@2", decision) with { HoldsSeat = true, PublishedNode = Node(published) }));

    [Theory]
    // At the agent's start whatever is down comes back as what it may be.
    [InlineData(NodeRole.Standby, NodeState.Stopped, "pg02@2", "pg02@2", "-", NodeAction.Start)]
    [InlineData(NodeRole.Standby, NodeState.Stopped, "-", "-", "-", NodeAction.Start)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "-", "-", "-", NodeAction.LeadAgain)]
    [InlineData(NodeRole.Primary, NodeState.Crashed, "-", "pg01@2", "-", NodeAction.LeadAgain)]
    [InlineData(NodeRole.Primary, NodeState.Crashed, "pg01@2", "pg01@2", "-", NodeAction.Recover)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "pg01@2", "pg01@2", "-", NodeAction.Recover)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "pg02@3", "pg02@3", "-", NodeAction.Rejoin)]
    [InlineData(NodeRole.Primary, NodeState.Crashed, "pg02@3", "pg02@3", "-", NodeAction.Rejoin)]
    // The lease of the node that took over has ended too: it has what this one may lack.
    [InlineData(NodeRole.Primary, NodeState.Crashed, "-", "pg02@3", "-", NodeAction.None)]
    // An operation that is still undecided stopped it: settle that first.
    [InlineData(NodeRole.Primary, NodeState.Stopped, "pg01@2", "pg01@2", "Running:pg01>pg02@0", NodeAction.Settle)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "-", "pg01@2", "Running:pg01>pg02@0", NodeAction.Settle)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "-", "pg01@2", "Running:pg03>pg02@0", NodeAction.LeadAgain)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "-", "pg01@2", "Abandoned:pg01>pg02@0", NodeAction.LeadAgain)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "-", "pg01@2", "Promoted:pg02>pg01@2", NodeAction.LeadAgain)]
    public void When_the_agent_starts(NodeRole role, NodeState state, string leader, string last, string decision, NodeAction expected) =>
        Assert.Equal(expected, NodeDecider.Decide(Situation(role, state, leader, last, decision) with { Starting = true }));

    [Fact]
    public void A_server_that_the_agent_stopped_comes_back()
    {
        var stopped = Situation(NodeRole.Primary, NodeState.Stopped, "-", "pg01@2", "-") with { StoppedByAgent = true };

        Assert.Equal(NodeAction.None, NodeDecider.Decide(stopped));
        Assert.Equal(NodeAction.LeadAgain, NodeDecider.Decide(stopped with { OthersHadTheirChance = true }));
        Assert.Equal(NodeAction.Rejoin, NodeDecider.Decide(stopped with { Leader = new LeaderRecord("pg02", 3, "t"), LeaderIsPrimary = true }));
        Assert.Equal(NodeAction.Start, NodeDecider.Decide(Situation(NodeRole.Standby, NodeState.Stopped, "-", "pg02@2", "-") with { StoppedByAgent = true }));
    }

    [Fact]
    public void A_crashed_primary_that_nobody_has_replaced_comes_back_after_the_others_had_their_chance() =>
        Assert.Equal(
            NodeAction.LeadAgain,
            NodeDecider.Decide(Situation(NodeRole.Primary, NodeState.Crashed, "-", "pg01@2", "-") with { OthersHadTheirChance = true }));

    [Fact]
    public void A_leader_that_is_no_primary_yet_is_followed_when_it_can_be_streamed_from_and_nothing_is_brought_back_to_it()
    {
        var situation = Situation(NodeRole.Standby, NodeState.Running, "pg02@3", "pg02@3", "-") with { LeaderIsPrimary = false };

        Assert.Equal(NodeAction.Follow, NodeDecider.Decide(situation));
        Assert.Equal(NodeAction.Follow, NodeDecider.Decide(situation with { Stranded = true }));
        Assert.Equal(NodeAction.None, NodeDecider.Decide(situation with { LeaderStreams = false }));
        Assert.Equal(NodeAction.None, NodeDecider.Decide(situation with { Locked = true, Decision = new OperationDecision("1", DecisionState.Running, "pg01", "pg02") }));
        Assert.Equal(NodeAction.None, NodeDecider.Decide(Situation(NodeRole.Primary, NodeState.Crashed, "pg02@3", "pg02@3", "-") with { LeaderIsPrimary = false }));
    }

    [Fact]
    public void A_standby_that_has_streamed_from_nobody_for_long_is_looked_at_more_closely() => Assert.Equal(
        NodeAction.Rejoin, NodeDecider.Decide(Situation(NodeRole.Standby, NodeState.NotStreaming, "pg02@2", "pg02@2", "-") with { Stranded = true }));

    [Fact]
    public void While_an_operation_runs_it_decides_who_streams_from_whom()
    {
        var situation = Situation(NodeRole.Standby, NodeState.Running, "pg02@2", "pg02@2", "Running:pg02>pg03@0");

        Assert.Equal(NodeAction.None, NodeDecider.Decide(situation with { Locked = true }));
        Assert.Equal(NodeAction.Follow, NodeDecider.Decide(situation));
    }

    [Fact]
    public void An_operation_that_somebody_carries_on_is_left_alone() => Assert.Equal(
        NodeAction.None,
        NodeDecider.Decide(Situation(NodeRole.Primary, NodeState.Running, "pg01@2", "pg01@2", "Running:pg01>pg02@0") with { HoldsSeat = true, PublishedNode = "pg01", Locked = true }));

    [Theory]
    [InlineData(FailoverMode.Automatic, false, NodeAction.Elect)]
    [InlineData(FailoverMode.Automatic, true, NodeAction.None)]
    [InlineData(FailoverMode.Advice, false, NodeAction.Advise)]
    [InlineData(FailoverMode.Advice, true, NodeAction.None)]
    [InlineData(FailoverMode.Manual, false, NodeAction.None)]
    public void Without_a_leader_the_mode_decides(FailoverMode mode, bool suspended, NodeAction expected) => Assert.Equal(
        expected, NodeDecider.Decide(Situation(NodeRole.Standby, NodeState.Running, "-", "pg02@2", "-") with { Mode = mode, Suspended = suspended }));

    [Fact]
    public void Who_has_vouched_for_a_leader_without_a_store_elects_nobody() => Assert.Equal(
        NodeAction.None, NodeDecider.Decide(Situation(NodeRole.Standby, NodeState.Running, "-", "pg02@2", "-") with { Promised = true }));

    [Theory]
    [InlineData(FailoverMode.Automatic, NodeAction.StepAside)]
    [InlineData(FailoverMode.Advice, NodeAction.Advise)]
    [InlineData(FailoverMode.Manual, NodeAction.None)]
    public void For_a_leader_that_is_not_well_the_mode_decides(FailoverMode mode, NodeAction expected) => Assert.Equal(
        expected,
        NodeDecider.Decide(Situation(NodeRole.Primary, NodeState.Running, "pg01@2", "pg01@2", "-") with { HoldsSeat = true, PublishedNode = "pg01", AnotherIsBetter = true, Mode = mode }));

    [Theory]
    [InlineData(NodeRole.Standby, NodeState.Running, "-")]
    [InlineData(NodeRole.Standby, NodeState.Crashed, "pg02@2")]
    [InlineData(NodeRole.Primary, NodeState.Crashed, "pg02@3")]
    [InlineData(NodeRole.Primary, NodeState.Crashed, "pg01@2")]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "pg01@2")]
    public void While_a_person_has_suspended_it_whatever_is_down_stays_down(NodeRole role, NodeState state, string leader)
    {
        var last = leader == "-" ? "pg02@2" : leader;
        var situation = Situation(role, state, leader, last, "-") with { Suspended = true, HoldsSeat = leader == "pg01@2" };

        Assert.Equal(NodeAction.None, NodeDecider.Decide(situation));
        Assert.NotEqual(NodeAction.None, NodeDecider.Decide(situation with { Suspended = false }));
    }

    [Fact]
    public void A_seat_whose_key_is_gone_is_taken_again() =>
        Assert.Equal(NodeAction.Lead, NodeDecider.Decide(Situation(NodeRole.Primary, NodeState.Running, "-", "pg01@2", "-") with { HoldsSeat = true, PublishedNode = "pg01" }));

    public static TheoryData<NodeRole, NodeState, string, string, string, bool> Everything
    {
        get
        {
            var all = new TheoryData<NodeRole, NodeState, string, string, string, bool>();
            foreach (var role in Enum.GetValues<NodeRole>())
            {
                foreach (var state in Enum.GetValues<NodeState>())
                {
                    foreach (var leader in new[] { "-", "pg01@2", "pg02@3" })
                    {
                        foreach (var decision in new[] { "-", "Running:pg01>pg02@0", "Promoted:pg02>pg01@2", "Promoted:pg01>pg02@3" })
                        {
                            all.Add(role, state, leader, leader == "-" ? "pg01@2" : leader, decision, true);
                            all.Add(role, state, leader, leader, decision, false);
                        }
                    }
                }
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Everything))]
    public void A_server_of_another_cluster_is_left_alone_whatever_else_is_the_case(NodeRole role, NodeState state, string leader, string last, string decision, bool starting)
    {
        var situation = Situation(role, state, leader, last, decision) with
        {
            Cluster = new ClusterIdentity("7001", "demo", DateTimeOffset.UnixEpoch, "somebody"),
            Starting = starting,
            HoldsSeat = leader == "pg01@2",
            StoppedByAgent = starting,
            OthersHadTheirChance = true,
            Stranded = true,
            AnotherIsBetter = true,
        };
        var ours = situation with { Server = situation.Server with { SystemIdentifier = "7001" } };

        Assert.Equal(NodeAction.LeaveAlone, NodeDecider.Decide(situation with { Server = situation.Server with { SystemIdentifier = "7002" } }));
        Assert.NotEqual(NodeAction.LeaveAlone, NodeDecider.Decide(ours));
        Assert.Equal(NodeDecider.Decide(situation with { Cluster = null, MayBegin = true }), NodeDecider.Decide(ours));
    }

    [Theory]
    [InlineData(NodeRole.Primary, NodeState.Running, false, NodeAction.Wait)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, false, NodeAction.Wait)]
    [InlineData(NodeRole.Primary, NodeState.Crashed, false, NodeAction.Wait)]
    [InlineData(NodeRole.Standby, NodeState.Running, false, NodeAction.Wait)]
    [InlineData(NodeRole.Standby, NodeState.Stopped, false, NodeAction.Wait)]
    [InlineData(NodeRole.Primary, NodeState.Running, true, NodeAction.Lead)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, true, NodeAction.LeadAgain)]
    [InlineData(NodeRole.Standby, NodeState.Stopped, true, NodeAction.Start)]
    public void Before_the_cluster_is_initialised_nothing_is_done_unless_the_agents_may_begin(NodeRole role, NodeState state, bool mayBegin, NodeAction expected)
    {
        var situation = Situation(role, state, "-", "-", "-") with { Starting = true, MayBegin = mayBegin };

        Assert.Equal(expected, NodeDecider.Decide(situation));
        Assert.NotEqual(NodeAction.Wait, NodeDecider.Decide(situation with { Cluster = new ClusterIdentity("1", "demo", DateTimeOffset.UnixEpoch, "") }));
        Assert.NotEqual(NodeAction.Wait, NodeDecider.Decide(situation with { LastLeader = new LastLeader("pg01", 2, "t") }));
    }

    [Fact]
    public void An_empty_data_directory_is_filled_from_a_leader_that_is_a_primary()
    {
        var situation = Situation(NodeRole.Unknown, NodeState.Unknown, "pg02@3", "pg02@3", "-");
        situation = situation with { Server = situation.Server with { Data = DataDirectoryState.Empty } };

        Assert.Equal(NodeAction.Rejoin, NodeDecider.Decide(situation));
        Assert.Equal(NodeAction.None, NodeDecider.Decide(situation with { LeaderIsPrimary = false }));
        Assert.Equal(NodeAction.None, NodeDecider.Decide(situation with { Suspended = true }));
        Assert.Equal(NodeAction.None, NodeDecider.Decide(situation with { Server = situation.Server with { Data = DataDirectoryState.Other } }));
        Assert.Equal(NodeAction.None, NodeDecider.Decide(situation with { Leader = null, LeaderIsPrimary = false }));
    }

    // Its server is on timeline 2.
    private static NodeSituation Situation(NodeRole role, NodeState state, string leader, string last, string decision) =>
        new("pg01", new PostgresStatus { State = state, Role = role, Timeline = 2 })
        {
            MayBegin = true,
            Leader = leader == "-" ? null : new LeaderRecord(leader.Split('@')[0], Number(leader), "term"),
            LeaderIsPrimary = leader != "-",
            LeaderStreams = leader != "-",
            LastLeader = last == "-" ? null : new LastLeader(last.Split('@')[0], Number(last), "term"),
            PublishedNode = Node(leader.Split('@')[0]),
            Decision = Decision(decision),
        };

    private static string? Node(string text) => text == "-" ? null : text;

    private static int Number(string text) => int.Parse(text.Split('@')[1], CultureInfo.InvariantCulture);

    private static OperationDecision? Decision(string text)
    {
        if (text == "-")
        {
            return null;
        }

        var parts = text.Split(':', '>', '@');
        return new OperationDecision("op", Enum.Parse<DecisionState>(parts[0]), parts[1], parts[2], int.Parse(parts[3], CultureInfo.InvariantCulture));
    }
}
