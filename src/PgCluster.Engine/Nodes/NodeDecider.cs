using PgCluster.Engine.Failover;

namespace PgCluster.Engine.Nodes;

/// <summary>What an agent does about its server.</summary>
public enum NodeAction
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Start it as what its data directory says.</summary>
    Start,

    /// <summary>Publish this node as the primary.</summary>
    Publish,

    /// <summary>Make it a standby of the published primary, starting it when it is down.</summary>
    Follow,

    /// <summary>Stop it: another node was decided to be the primary.</summary>
    Fence,

    /// <summary>End an operation that nobody carries on: its lock is gone and it was not decided.</summary>
    Abandon,

    /// <summary>Settle the operation that stopped it, then decide again.</summary>
    Settle,

    /// <summary>Leave it down: it cannot follow without repair.</summary>
    Repair,
}

/// <summary>What an agent knows when it decides.</summary>
/// <param name="Self">Its node.</param>
/// <param name="Server">Its server.</param>
/// <param name="PublishedNode">The node the published address belongs to; null when none is published or it belongs to none.</param>
/// <param name="PublishedIsPrimary">True when that node's agent says that it runs as a primary.</param>
/// <param name="Decision">The last decision; null when there was none.</param>
/// <param name="Locked">True while somebody holds the cluster's lock.</param>
public sealed record NodeSituation(
    string Self, PostgresStatus Server, string? PublishedNode, bool PublishedIsPrimary, OperationDecision? Decision, bool Locked)
{
    /// <summary>True while an operation is under way: where nodes stream from is its business then.</summary>
    public bool OperationRuns => Locked && Decision is { State: DecisionState.Running };
}

/// <summary>
/// The rule of the agent with manager native. It starts a server only when the agent itself starts or an operation stopped it: a server that a person
/// stopped stays down. It never starts or keeps a second primary: a decision for another node on a later timeline outranks what the data directory says.
/// </summary>
public static class NodeDecider
{
    /// <summary>What to do about a server when the agent starts and finds it.</summary>
    public static NodeAction OnStart(NodeSituation s)
    {
        var decidedForOther = s.Decision is { State: DecisionState.Promoted } d && d.Target != s.Self;
        return s.Server.State switch
        {
            NodeState.Stopped or NodeState.Crashed when s.Server.Role == NodeRole.Standby => NodeAction.Start,
            NodeState.Stopped or NodeState.Crashed when s.Decision is { State: DecisionState.Running } r && r.From == s.Self => NodeAction.Settle,
            NodeState.Stopped when s.PublishedNode is { } other && other != s.Self || decidedForOther => NodeAction.Follow,
            NodeState.Crashed when s.PublishedNode is { } other && other != s.Self || decidedForOther => NodeAction.Repair,
            NodeState.Stopped or NodeState.Crashed => NodeAction.Start,
            _ => WhileRunning(s),
        };
    }

    /// <summary>What to do when something changed while the agent watches.</summary>
    public static NodeAction WhileRunning(NodeSituation s) => s.Server switch
    {
        { State: NodeState.Running, Role: NodeRole.Primary }
            when s.Decision is { State: DecisionState.Promoted } d && d.Target != s.Self && d.Timeline > s.Server.Timeline => NodeAction.Fence,
        { State: NodeState.Running, Role: NodeRole.Primary } when s.PublishedNode != s.Self => NodeAction.Publish,
        { State: NodeState.Running, Role: NodeRole.Primary }
            when !s.Locked && s.Decision is { State: DecisionState.Running } d && d.From == s.Self => NodeAction.Abandon,
        { State: NodeState.Running or NodeState.NotStreaming, Role: NodeRole.Standby }
            when s.PublishedNode is { } other && other != s.Self && s.PublishedIsPrimary && !s.OperationRuns => NodeAction.Follow,
        _ => NodeAction.None,
    };
}
