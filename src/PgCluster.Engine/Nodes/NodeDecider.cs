using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Membership;

namespace PgCluster.Engine.Nodes;

/// <summary>What an agent does about its server.</summary>
public enum NodeAction
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Start it as the standby it is.</summary>
    Start,

    /// <summary>Take the leadership: the server runs as a primary already.</summary>
    Lead,

    /// <summary>Take the leadership, then start the server as the primary it was.</summary>
    LeadAgain,

    /// <summary>The leader's server is down: hand over, or restart it in place.</summary>
    Recover,

    /// <summary>Give the leadership back and leave the server down: a person stopped it.</summary>
    HandOver,

    /// <summary>Go on with a takeover that this node has won and not finished.</summary>
    FinishTakeover,

    /// <summary>Nobody leads: hold an election.</summary>
    Elect,

    /// <summary>Write to the history what would be done, and do nothing.</summary>
    Advise,

    /// <summary>Publish this node as the primary.</summary>
    Publish,

    /// <summary>Let it stream from the leader.</summary>
    Follow,

    /// <summary>Bring it back as a standby of the leader, by rewind or a new copy where it has to be.</summary>
    Rejoin,

    /// <summary>Stop it: another node leads.</summary>
    Fence,

    /// <summary>Stop it and let somebody else lead: the observers agree that this node is not well.</summary>
    StepAside,

    /// <summary>End an operation that nobody carries on: its lock is gone and it was not decided.</summary>
    Abandon,

    /// <summary>Settle the operation that stopped it, then decide again.</summary>
    Settle,

    /// <summary>Leave it alone: its data directory is of another cluster.</summary>
    LeaveAlone,

    /// <summary>Leave it alone for now: the cluster is not initialised.</summary>
    Wait,
}

/// <summary>What an agent knows when it decides.</summary>
/// <param name="Self">Its node.</param>
/// <param name="Server">Its server.</param>
public sealed record NodeSituation(string Self, PostgresStatus Server)
{
    /// <summary>Which database system the cluster is; null when nobody has said so yet.</summary>
    public ClusterIdentity? Cluster { get; init; }

    /// <summary>True when the agents may initialise the cluster by themselves, as <see cref="FirstStartRule"/> has it.</summary>
    public bool MayBegin { get; init; }

    /// <summary>Who leads, as the store says; null when nobody does.</summary>
    public LeaderRecord? Leader { get; init; }

    /// <summary>True when this process holds the leadership and can rely on it.</summary>
    public bool HoldsSeat { get; init; }

    /// <summary>True when the leader's agent says that its server runs as a primary.</summary>
    public bool LeaderIsPrimary { get; init; }

    /// <summary>
    /// True when the leader can be streamed from: it is a primary, or a standby that is about to be promoted. Who follows it before that has little left to do after it.
    /// </summary>
    public bool LeaderStreams { get; init; }

    /// <summary>The leader's slots, as its agent says; empty when it does not.</summary>
    public IReadOnlyList<ReplicationSlot> LeaderSlots { get; init; } = [];

    /// <summary>Who led last; null when nobody ever did.</summary>
    public LastLeader? LastLeader { get; init; }

    /// <summary>The node the published address belongs to; null when none is published or it belongs to none.</summary>
    public string? PublishedNode { get; init; }

    /// <summary>The last decision; null when there was none.</summary>
    public OperationDecision? Decision { get; init; }

    /// <summary>True while somebody holds the cluster's lock.</summary>
    public bool Locked { get; init; }

    /// <summary>True at the agent's first look: whatever it finds down was not stopped under its eyes.</summary>
    public bool Starting { get; init; }

    /// <summary>True when the agent itself stopped the server, because this node must not lead.</summary>
    public bool StoppedByAgent { get; init; }

    /// <summary>True when the observers agree that this node is not well, that another one is which may lead, and no leader has changed just now.</summary>
    public bool AnotherIsBetter { get; init; }

    /// <summary>True when this standby has streamed from nobody for so long that there has to be more to it than a moment's trouble.</summary>
    public bool Stranded { get; init; }

    /// <summary>True when nobody has led for so long that others had their chance.</summary>
    public bool OthersHadTheirChance { get; init; }

    /// <summary>What the agents do about a lost leader.</summary>
    public FailoverMode Mode { get; init; } = FailoverMode.Automatic;

    /// <summary>True while a person has suspended that: whatever is down stays down, for the person may have stopped it.</summary>
    public bool Suspended { get; init; }

    /// <summary>True while this node has promised a leader that has lost the store to let nobody else lead.</summary>
    public bool Promised { get; init; }

    /// <summary>True when the server is not of this cluster.</summary>
    public bool IsForeign => Cluster is not null && Cluster.IsForeign(Server.SystemIdentifier);

    /// <summary>True when the cluster is under management: somebody has said which one it is, or has led it before anybody said so.</summary>
    public bool IsInitialized => Cluster is not null || LastLeader is not null;

    /// <summary>True while an operation is under way: it decides who streams from whom.</summary>
    public bool OperationRuns => Locked && Decision is { State: DecisionState.Running };

    /// <summary>True when the store or the history names another node than this one, on a timeline that this server cannot outrank.</summary>
    public bool AnotherOutranks =>
        (Leader is { } leader && leader.Node != Self)
        || (Decision is { State: DecisionState.Promoted } decided && decided.Target != Self && decided.Timeline > Server.Timeline)
        || (Leader is null && LastLeader is { } last && last.Node != Self && last.Timeline >= Server.Timeline);
}

/// <summary>
/// What an agent does by itself. Only the node that holds the leadership runs as a primary, and it takes it before its server may accept writes; a standby follows the
/// leader and nobody else; a server that a person stopped stays down until the agent is started again. A server of another cluster, and every server before the cluster is
/// initialised, is none of its business.
/// </summary>
public static class NodeDecider
{
    /// <summary>Decides.</summary>
    public static NodeAction Decide(NodeSituation s) =>
        s.IsForeign ? NodeAction.LeaveAlone
        : !s.IsInitialized && !s.MayBegin ? NodeAction.Wait
        : s.Server.Data == DataDirectoryState.Empty ? Empty(s)
        : OfThisCluster(s);

    private static NodeAction OfThisCluster(NodeSituation s) => s.Server switch
    {
        { State: NodeState.Running, Role: NodeRole.Primary } => RunningPrimary(s),
        { State: NodeState.Stopped or NodeState.Crashed, Role: NodeRole.Primary } => PrimaryThatIsDown(s),
        { State: NodeState.Running or NodeState.NotStreaming, Role: NodeRole.Standby } => RunningStandby(s),
        { State: NodeState.Stopped or NodeState.Crashed, Role: NodeRole.Standby } => StandbyThatIsDown(s),
        _ => NodeAction.None,
    };

    private static NodeAction Empty(NodeSituation s) =>
        s.LeaderIsPrimary && !s.OperationRuns && !s.Suspended ? NodeAction.Rejoin : NodeAction.None;

    private static NodeAction RunningPrimary(NodeSituation s) =>
        s.AnotherOutranks ? NodeAction.Fence
        : !s.HoldsSeat || s.Leader is null ? NodeAction.Lead
        : s.PublishedNode != s.Self ? NodeAction.Publish
        : s.AnotherIsBetter && s.Mode != FailoverMode.Manual && !s.Suspended && !s.Locked ? (s.Mode == FailoverMode.Advice ? NodeAction.Advise : NodeAction.StepAside)
        : !s.Locked && s.Decision is { State: DecisionState.Running } d && d.From == s.Self ? NodeAction.Abandon
        : NodeAction.None;

    private static NodeAction PrimaryThatIsDown(NodeSituation s)
    {
        // Not one that a person stopped: who wants it to stay down may have it so.
        var mayStart = s.Starting || s.StoppedByAgent || (s.Server.State == NodeState.Crashed && !s.Suspended);
        return s.AnotherOutranks ? (mayStart && s.LeaderIsPrimary ? NodeAction.Rejoin : NodeAction.None)
            : s.Starting && s.Decision is { State: DecisionState.Running } d && d.From == s.Self ? NodeAction.Settle
            : s.HoldsSeat ? (mayStart ? NodeAction.Recover : s.Suspended ? NodeAction.None : NodeAction.HandOver)
            : !mayStart ? NodeAction.None
            : s.Leader is not null ? NodeAction.Recover
            : s.Starting || s.OthersHadTheirChance ? NodeAction.LeadAgain
            : NodeAction.None;
    }

    private static NodeAction RunningStandby(NodeSituation s) => s.Leader switch
    {
        { } leader when leader.Node == s.Self => NodeAction.FinishTakeover,
        { } => !s.LeaderStreams || s.OperationRuns ? NodeAction.None : s.Stranded && s.LeaderIsPrimary ? NodeAction.Rejoin : NodeAction.Follow,
        null => s.Mode == FailoverMode.Manual || s.Suspended || s.Promised || s.LastLeader is null ? NodeAction.None
            : s.Mode == FailoverMode.Advice ? NodeAction.Advise
            : NodeAction.Elect,
    };

    private static NodeAction StandbyThatIsDown(NodeSituation s) =>
        s.Starting || s.StoppedByAgent || (s.Server.State == NodeState.Crashed && !s.Suspended) ? NodeAction.Start : NodeAction.None;
}
