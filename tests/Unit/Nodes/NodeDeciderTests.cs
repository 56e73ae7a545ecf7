using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Nodes;

public sealed class NodeDeciderTests
{
    // self is pg01 throughout; "-" is none; a decision is state:from>target@timeline.
    [Theory]
    // A standby that is down is started whatever the store says.
    [InlineData(NodeRole.Standby, NodeState.Stopped, "pg02", "-", NodeAction.Start)]
    [InlineData(NodeRole.Standby, NodeState.Crashed, "-", "-", NodeAction.Start)]
    // A primary that is down is started only while nobody else is the primary.
    [InlineData(NodeRole.Primary, NodeState.Stopped, "-", "-", NodeAction.Start)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "pg01", "-", NodeAction.Start)]
    [InlineData(NodeRole.Primary, NodeState.Crashed, "pg01", "-", NodeAction.Start)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "pg02", "-", NodeAction.Follow)]
    [InlineData(NodeRole.Primary, NodeState.Crashed, "pg02", "-", NodeAction.Repair)]
    // The key may lag behind the decision: the decision counts.
    [InlineData(NodeRole.Primary, NodeState.Stopped, "pg01", "Promoted:pg01>pg02@2", NodeAction.Follow)]
    [InlineData(NodeRole.Primary, NodeState.Crashed, "pg01", "Promoted:pg01>pg02@2", NodeAction.Repair)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "pg01", "Promoted:pg02>pg01@2", NodeAction.Start)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "pg01", "Abandoned:pg01>pg02@0", NodeAction.Start)]
    // An operation that is still undecided stopped it: settle that first.
    [InlineData(NodeRole.Primary, NodeState.Stopped, "pg01", "Running:pg01>pg02@0", NodeAction.Settle)]
    [InlineData(NodeRole.Primary, NodeState.Stopped, "pg01", "Running:pg03>pg02@0", NodeAction.Start)]
    public void When_the_agent_starts(NodeRole role, NodeState state, string published, string decision, NodeAction expected) =>
        Assert.Equal(expected, NodeDecider.OnStart(Situation(role, state, published, decision, timeline: 1)));

    [Theory]
    [InlineData(NodeRole.Primary, NodeState.Running, "pg01", "-", 1, NodeAction.None)]
    [InlineData(NodeRole.Primary, NodeState.Running, "-", "-", 1, NodeAction.Publish)]
    [InlineData(NodeRole.Primary, NodeState.Running, "pg02", "-", 1, NodeAction.Publish)]
    [InlineData(NodeRole.Primary, NodeState.Running, "pg02", "Promoted:pg01>pg02@2", 1, NodeAction.Fence)]
    [InlineData(NodeRole.Primary, NodeState.Running, "pg01", "Promoted:pg01>pg02@2", 1, NodeAction.Fence)]
    // Promoted by hand after that: its timeline is newer than the decision.
    [InlineData(NodeRole.Primary, NodeState.Running, "pg02", "Promoted:pg01>pg02@2", 3, NodeAction.Publish)]
    [InlineData(NodeRole.Primary, NodeState.Running, "pg01", "Promoted:pg02>pg01@2", 2, NodeAction.None)]
    [InlineData(NodeRole.Standby, NodeState.Running, "pg02", "-", 1, NodeAction.Follow)]
    [InlineData(NodeRole.Standby, NodeState.NotStreaming, "pg02", "-", 1, NodeAction.Follow)]
    [InlineData(NodeRole.Standby, NodeState.Running, "pg01", "-", 1, NodeAction.None)]
    [InlineData(NodeRole.Standby, NodeState.Running, "-", "-", 1, NodeAction.None)]
    // A server that a person stopped, or that crashed under a living agent, stays down.
    [InlineData(NodeRole.Primary, NodeState.Stopped, "pg01", "-", 1, NodeAction.None)]
    [InlineData(NodeRole.Primary, NodeState.Crashed, "pg01", "-", 1, NodeAction.None)]
    [InlineData(NodeRole.Standby, NodeState.Stopped, "pg02", "-", 1, NodeAction.None)]
    [InlineData(NodeRole.Primary, NodeState.Starting, "-", "-", 1, NodeAction.None)]
    public void While_the_agent_watches(NodeRole role, NodeState state, string published, string decision, int timeline, NodeAction expected) =>
        Assert.Equal(expected, NodeDecider.WhileRunning(Situation(role, state, published, decision, timeline)));

    [Fact]
    public void A_key_that_names_a_node_which_is_no_primary_moves_no_standby()
    {
        var situation = Situation(NodeRole.Standby, NodeState.Running, "pg02", "-", 1) with { PublishedIsPrimary = false };

        Assert.Equal(NodeAction.None, NodeDecider.WhileRunning(situation));
    }

    [Fact]
    public void While_an_operation_runs_it_decides_who_streams_from_whom()
    {
        var situation = Situation(NodeRole.Standby, NodeState.Running, "pg02", "Running:pg02>pg03@0", 1);

        Assert.Equal(NodeAction.None, NodeDecider.WhileRunning(situation with { Locked = true }));
        Assert.Equal(NodeAction.Follow, NodeDecider.WhileRunning(situation));
    }

    [Fact]
    public void The_primary_ends_an_operation_that_nobody_carries_on()
    {
        var situation = Situation(NodeRole.Primary, NodeState.Running, "pg01", "Running:pg01>pg02@0", 1);

        Assert.Equal(NodeAction.Abandon, NodeDecider.WhileRunning(situation));
        Assert.Equal(NodeAction.None, NodeDecider.WhileRunning(situation with { Locked = true }));
        Assert.Equal(NodeAction.None, NodeDecider.WhileRunning(Situation(NodeRole.Primary, NodeState.Running, "pg01", "Running:pg03>pg02@0", 1)));
    }

    private static NodeSituation Situation(NodeRole role, NodeState state, string published, string decision, int timeline) => new(
        "pg01", new PostgresStatus { State = state, Role = role, Timeline = timeline }, published == "-" ? null : published, true, Decision(decision), Locked: false);

    private static OperationDecision? Decision(string text)
    {
        if (text == "-")
        {
            return null;
        }

        var parts = text.Split(':', '>', '@');
        return new OperationDecision("op", Enum.Parse<DecisionState>(parts[0]), parts[1], parts[2], int.Parse(parts[3], System.Globalization.CultureInfo.InvariantCulture));
    }
}
