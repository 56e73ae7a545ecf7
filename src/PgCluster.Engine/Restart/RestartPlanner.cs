using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Restart;

/// <summary>Decides whether nodes may be restarted, and in which order. Pure: everything it knows is in the view.</summary>
public static class RestartPlanner
{
    /// <summary>Judges and plans.</summary>
    /// <param name="view">The cluster.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="options">Budgets and limits.</param>
    /// <param name="id">Id of the plan.</param>
    public static OperationPlan Assess(ClusterView view, RestartRequest request, FailoverConfig options, string id)
    {
        var asked = request.Nodes ?? [.. view.Nodes.Select(n => n.Name)];
        var chosen = view.Nodes.Where(n => asked.Contains(n.Name) && (!request.PendingOnly || n.Node.PendingRestart)).ToArray();
        var sequence = RestartOrder.Decide(
            [.. view.Nodes.Where(n => n.Postgres is not null).Select(n => new RestartNode(
                n.Name, n.Name == view.Primary?.Name, n.Node.SyncState is SyncState.Sync or SyncState.Quorum, n.Postgres!.HotStandbyLimits, n.Postgres.PendingSettings))],
            [.. chosen.Select(n => n.Name)]);
        var withPrimary = chosen.Any(n => n.Name == view.Primary?.Name);
        PreflightCheck[] checks =
        [
            CommonChecks.Quorum(view),
            CommonChecks.LockFree(view),
            .. asked.Where(name => view.Nodes.All(n => n.Name != name)).Select(name => new PreflightCheck(
                "NodeKnown", CheckStatus.Failed, $"no node is named {name}; there are {string.Join(", ", view.Nodes.Select(n => n.Name))}", "name one of these", Reason.NodeNotFound)),
            Leader(view),
            .. chosen.Select(n => Runs(view, n)),
            .. Unasked(view, request),
            sequence.Obstacle is { } obstacle
                ? new("Order", CheckStatus.Failed, obstacle, "see PendingSettings in Get-PgClusterNode")
                : new("Order", CheckStatus.Passed, chosen.Length == 0 ? "there is nothing to restart" : string.Join(", then ", sequence.Nodes.Select(n => n.Node))),
            .. chosen.SelectMany(n => Waiting(view, n)),
            .. withPrimary ? PrimaryChecks(view, options) : [],
        ];
        var ready = chosen.Length > 0 && checks.All(c => c.Status != CheckStatus.Failed);
        return new OperationPlan
        {
            Id = id,
            Kind = "restart",
            Cluster = view.Cluster,
            Node = chosen.Length == 0 ? null : string.Join(",", sequence.Nodes.Select(n => n.Node)),
            From = view.Primary?.Name,
            Revision = view.PublishedPrimary?.ModRevision ?? 0,
            Steps = ready ? Steps(view, sequence, options) : [],
            Checks = checks,
            Blockers = withPrimary ? view.Blockers : [],
        };
    }

    private static PreflightCheck Leader(ClusterView view) => view.Primary is { } primary && view.Leader?.Node == primary.Name
        ? new("Leader", CheckStatus.Passed, $"{primary.Name} leads")
        : new("Leader", CheckStatus.Failed, $"{view.Primary?.Name ?? "nobody"} runs as the only primary and {view.Leader?.Node ?? "nobody"} holds the leader's lease",
            "wait until one node does both: what is restarted has to find it", Reason.NoPrimary);

    private static PreflightCheck Runs(ClusterView view, NodeObservation node) => node switch
    {
        { Postgres: null } => new("AgentAnswers", CheckStatus.Failed, $"the agent of {node.Name} does not answer: {node.Node.Evidence}",
            "start it, or leave this node out", Reason.AgentUnreachable),
        { Node.State: NodeState.Running } => new("Runs", CheckStatus.Passed, $"{node.Name} runs as a {node.Node.Role}"),
        _ => new("Runs", CheckStatus.Failed, $"{node.Name} is {node.Node.State}: {node.Node.Evidence}",
            $"a node that is not well is not restarted: Repair-PgClusterNode {node.Name}, or leave it out", Reason.PostgresUnavailable),
    };

    /// <summary>Who is asked for those that wait for a restart has to be told of nodes that cannot say.</summary>
    private static IEnumerable<PreflightCheck> Unasked(ClusterView view, RestartRequest request) => !request.PendingOnly ? [] : view.Nodes
        .Where(n => n.Node.State is not (NodeState.Running or NodeState.NotStreaming) && (request.Nodes is null || request.Nodes.Contains(n.Name)))
        .Select(n => new PreflightCheck("PendingKnown", CheckStatus.Warning, $"whether {n.Name} waits for a restart is not known: {n.Node.Evidence}", "it reads its settings anew when it starts"));

    private static IEnumerable<PreflightCheck> Waiting(ClusterView view, NodeObservation node)
    {
        var policy = SynchronousPolicyRecord.Parse(view.Primary?.Name ?? "", 0, view.Primary?.Postgres?.SynchronousStandbyNames ?? "");
        var synchronous = view.Nodes.Where(n => n.Node.SyncState is SyncState.Sync or SyncState.Quorum or SyncState.Potential).ToArray();
        if (policy.Count > 0 && synchronous.Contains(node) && synchronous.Length - 1 < policy.Count)
        {
            yield return new("Synchronous", CheckStatus.Warning, string.Create(
                CultureInfo.InvariantCulture, $"commits wait for {policy.Count} of {string.Join(", ", synchronous.Select(n => n.Name))}: they wait while {node.Name} restarts"),
                "bring another synchronous standby back first");
        }
    }

    private static IEnumerable<PreflightCheck> PrimaryChecks(ClusterView view, FailoverConfig options)
    {
        var request = new FailoverRequest();
        yield return FailoverPlanner.Archiver(view.Primary!, options);
        yield return FailoverPlanner.PauseBlockers(view, request.BlockerPolicy, options);
        foreach (var pooler in FailoverPlanner.PoolersInUse(view))
        {
            yield return FailoverPlanner.Pooler(view, pooler, view.Primary, false, request);
        }
    }

    private static PlanStep[] Steps(ClusterView view, RestartSequence sequence, FailoverConfig options)
    {
        var poolers = string.Join(",", FailoverPlanner.PoolersInUse(view).Where(p => p.Pooler.State == PoolerState.Active).Select(p => p.Name));
        var standbys = string.Join(",", view.Nodes.Where(n => n.Node is { Role: NodeRole.Standby, State: NodeState.Running }).Select(n => n.Name));
        var steps = new List<PlanStep> { OperationLock.Plan(options) };
        void Add(string name, string description, string node, TimeSpan budget, string undo = "") =>
            steps.Add(new PlanStep(steps.Count + 1, name, description, node, budget.TotalSeconds, undo));

        Add(RestartSteps.Recheck, "look once more whether the cluster is as this plan found it", "", options.HealthCheckTimeout);
        foreach (var (node, why) in sequence.Nodes)
        {
            var isPrimary = node == view.Primary!.Name;

            // The agent keeps its own budgets; this one only has to be longer than both.
            var restart = options.MigrateTimeout + options.RestartTimeout + options.FollowTimeout;
            if (isPrimary)
            {
                Add(RestartSteps.Checkpoint, $"checkpoint {node}, so that the one at shutdown is small", node, options.MigrateTimeout);
                if (poolers.Length > 0)
                {
                    Add(RestartSteps.Pause, "pause every pooler: clients wait", poolers, options.PauseTimeout + TimeSpan.FromSeconds(1), "resume them");
                }
            }

            Add(RestartSteps.Restart, $"restart {node}: {why}", node, restart);
            if (isPrimary && poolers.Length > 0)
            {
                Add(RestartSteps.Resume, "resume every pooler", poolers, options.ResumeTimeout);
            }

            if (!isPrimary)
            {
                Add(RestartSteps.Stream, $"wait until {node} streams again, and as many standbys are synchronous as before", node, options.FollowTimeout);
            }
            else if (standbys.Length > 0)
            {
                Add(RestartSteps.Stream, $"wait until the standbys stream from {node} again, and as many are synchronous as before", standbys, options.FollowTimeout);
            }
        }

        return [.. steps];
    }
}
