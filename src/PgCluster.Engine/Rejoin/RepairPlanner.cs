using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Rejoin;

/// <summary>Decides whether a node may be brought back, and how. Pure: everything it knows is in the view and in what the node's agent found.</summary>
public static class RepairPlanner
{
    // A copy takes as long as it takes; this only ends one that nobody will ever see the end of.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    /// <summary>Why the node's agent need not be asked, or null when it has to be: the plan then needs what it finds.</summary>
    /// <param name="view">The cluster.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="id">Id of the plan.</param>
    public static RepairPlan? BeforeInspection(ClusterView view, RepairRequest request, string id)
    {
        var checks = Checks(view, request);
        var streams = Streams(view, request.Node);
        if (checks.All(c => c.Status != CheckStatus.Failed) && !(streams && request.Method != RepairMethod.Clone))
        {
            return null;
        }

        return Plan(view, request, id, checks, []) with
        {
            Needed = !streams,
            Why = streams ? $"it streams from {view.Primary!.Name}" : checks.First(c => c.Status == CheckStatus.Failed).Evidence,
        };
    }

    /// <summary>The plan from what the node's agent found.</summary>
    /// <param name="view">The cluster.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="found">What the node's agent found.</param>
    /// <param name="options">Budgets.</param>
    /// <param name="id">Id of the plan.</param>
    public static RepairPlan Assess(ClusterView view, RepairRequest request, RejoinInspection found, FailoverConfig options, string id)
    {
        var decided = RejoinPolicy.Decide(found.Situation, RejoinOrder.OptionsOf(request.Method, request.KeepCopy));
        var leader = view.Primary!.Name;
        PreflightCheck[] checks =
        [
            .. Checks(view, request),
            decided.Method == RejoinMethod.Impossible
                ? new("CanComeBack", CheckStatus.Failed, $"{request.Node} cannot come back behind {leader} by {request.Method}: {decided.Why}", "see whether another -Method helps")
                : new("CanComeBack", CheckStatus.Passed, $"{decided.Method}: {decided.Why}"),
            .. Waiting(view, request.Node, decided.Method),
        ];
        var may = checks.All(c => c.Status != CheckStatus.Failed);
        return Plan(view, request, id, checks, may ? Steps(request.Node, leader, decided, options) : []) with
        {
            Needed = true,
            Method = decided.Method switch
            {
                RejoinMethod.Follow => RepairMethod.Follow,
                RejoinMethod.Rewind => RepairMethod.Rewind,
                RejoinMethod.Clone => RepairMethod.Clone,
                _ => null,
            },
            Why = decided.Why,
            ForkLsn = decided.Fork?.ToString(),
            Timeline = found.Situation.Node is { HasData: true } node ? node.History.Timeline : 0,
            UpstreamTimeline = found.Situation.Upstream.History.Timeline,
            DiscardedBytes = decided.DiscardedBytes,
            DiscardedFrom = decided.DiscardedFrom?.ToString(),
            DiscardedTo = decided.DiscardedTo?.ToString(),
            CopyBytes = found.CopyBytes,
            KeepCopy = decided.KeepCopy,
        };
    }

    /// <summary>True when the node streams from the one primary, on its timeline.</summary>
    internal static bool Streams(ClusterView view, string node) => view.Primary is { } primary
        && view.Nodes.FirstOrDefault(n => n.Name == node)?.Node is { Role: NodeRole.Standby, State: NodeState.Running } standby
        && standby.Upstream == primary.Name && standby.Timeline >= primary.Node.Timeline;

    private static RepairPlan Plan(
        ClusterView view, RepairRequest request, string id, IReadOnlyList<PreflightCheck> checks, IReadOnlyList<PlanStep> steps) => new()
        {
            Cluster = view.Cluster,
            Name = request.Node,
            Upstream = view.Primary?.Name,
            KeepCopy = request.KeepCopy,
            Operation = new OperationPlan
            {
                Id = id,
                Kind = "repair",
                Cluster = view.Cluster,
                Node = request.Node,
                From = view.Primary?.Name,
                Revision = view.PublishedPrimary?.ModRevision ?? 0,
                Steps = steps,
                Checks = checks,
            },
        };

    private static PreflightCheck[] Checks(ClusterView view, RepairRequest request) =>
    [
        CommonChecks.Quorum(view),
        CommonChecks.LockFree(view),
        Known(view, request.Node),
        Leader(view, request.Node),
        .. Agent(view, request.Node),
    ];

    private static PreflightCheck Known(ClusterView view, string node) => view.Nodes.Any(n => n.Name == node)
        ? new("NodeKnown", CheckStatus.Passed, $"{node} is a node of {view.Cluster}")
        : new("NodeKnown", CheckStatus.Failed, $"no node is named {node}; there are {string.Join(", ", view.Nodes.Select(n => n.Name))}", "name one of these", Reason.NodeNotFound);

    private static PreflightCheck Leader(ClusterView view, string node)
    {
        var leads = view.Manager == ClusterManager.Pacemaker ? view.Pacemaker?.Primary : view.Leader?.Node;
        if (leads == node || view.Primary?.Name == node)
        {
            return new("LeadsNot", CheckStatus.Failed, $"{node} leads", "a node that leads needs no repair; Invoke-PgFailover moves the primary away from it", Reason.NodeNeeded);
        }

        return view.Primary switch
        {
            null => new("Leader", CheckStatus.Failed, "there is no primary that the node could stream from",
                view.Manager == ClusterManager.Pacemaker ? "see why Pacemaker promotes nobody: crm_mon -1 -A -f" : "see why nobody leads: Invoke-PgElection -WhatIf", Reason.NoPrimary),
            { } primary when leads != primary.Name => new("Leader", CheckStatus.Failed,
                $"{primary.Name} runs as the primary and {leads ?? "nobody"} {(view.Manager == ClusterManager.Pacemaker ? "is it for Pacemaker" : "holds the leader's lease")}", "wait until one node does both", Reason.NoPrimary),
            { } primary => new("Leader", CheckStatus.Passed,
                string.Create(CultureInfo.InvariantCulture, $"{primary.Name} leads on timeline {primary.Node.Timeline}")),
        };
    }

    private static IEnumerable<PreflightCheck> Agent(ClusterView view, string node)
    {
        if (view.Nodes.FirstOrDefault(n => n.Name == node) is { Postgres: null } silent)
        {
            yield return new("AgentAnswers", CheckStatus.Failed, $"the agent of {node} does not answer: {silent.Node.Evidence}",
                "start pgcluster supervise on the node: it does the work", Reason.AgentUnreachable);
        }
    }

    private static IEnumerable<PreflightCheck> Waiting(ClusterView view, string node, RejoinMethod method)
    {
        if (method != RejoinMethod.Follow && view.Nodes.FirstOrDefault(n => n.Name == node)?.Node.SyncState is SyncState.Sync or SyncState.Quorum)
        {
            yield return new("Synchronous", CheckStatus.Warning, $"{node} is a synchronous standby, and is away while it is copied",
                "commits wait for those that are left; take it out of service first: Suspend-PgClusterNode");
        }
    }

    private static PlanStep[] Steps(string node, string leader, RejoinPlan decided, FailoverConfig options)
    {
        var what = decided.Method switch
        {
            RejoinMethod.Rewind => $"rewind {node} to where {leader} has the same WAL, and let it follow",
            RejoinMethod.Clone => $"make a new copy of {leader} that takes the place of the data directory of {node}",
            _ => $"let {node} follow {leader}",
        };
        return
        [
            OperationLock.Plan(options),
            new PlanStep(2, RepairSteps.Recheck, $"look once more whether {leader} leads", "", options.HealthCheckTimeout.TotalSeconds),
            new PlanStep(3, decided.Method.ToString().ToLowerInvariant(), what, node, (decided.Method == RejoinMethod.Follow ? options.RestartTimeout + options.FollowTimeout : Longest).TotalSeconds),
            new PlanStep(4, RepairSteps.Stream, $"wait until {node} streams from {leader}", node, options.FollowTimeout.TotalSeconds),
        ];
    }
}
