using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Maintenance;

/// <summary>Decides whether a node may be taken out of service, and how. Pure: everything it knows is in the view.</summary>
public static class NodeSuspensionPlanner
{
    /// <summary>Judges and plans.</summary>
    /// <param name="view">The cluster.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="config">Policy, budgets and limits.</param>
    /// <param name="id">Id of the plan.</param>
    /// <param name="heldLockKey">The lock the caller holds already; null for none.</param>
    public static OperationPlan Assess(ClusterView view, NodeSuspensionRequest request, ClusterConfig config, string id, string? heldLockKey = null)
    {
        var node = view.Nodes.FirstOrDefault(n => n.Name == request.Node);
        if (request.HandsOver && node is not null && view.Nodes.Count == 1)
        {
            return Alone(view, request, id);
        }

        var moves = (request.Drain || request.HandsOver) && node is not null && view.Primary?.Name == node.Name;
        var failover = moves ? FailoverPlanner.Assess(view, FailoverOf(request, heldLockKey), config.Failover, id).Plan : null;
        var primary = moves ? failover!.To : view.Primary?.Name;
        PreflightCheck[] checks =
        [
            .. failover?.Checks ?? [CommonChecks.Quorum(view), CommonChecks.LockFree(view, heldLockKey)],
            node is not null
                ? new("NodeKnown", CheckStatus.Passed, $"{node.Name} is a node of {view.Cluster}")
                : new("NodeKnown", CheckStatus.Failed, $"no node is named {request.Node}; there are {string.Join(", ", view.Nodes.Select(n => n.Name))}", "name one of these", Reason.NodeNotFound),
            .. node is null ? [] : Checks(view, request, config, node, primary),
        ];
        var ready = checks.All(c => c.Status != CheckStatus.Failed);
        return new OperationPlan
        {
            Id = id,
            Kind = KindOf(request),
            Cluster = view.Cluster,
            Node = request.Node,
            From = view.Primary?.Name,
            To = moves ? failover!.To : null,
            Revision = view.PublishedPrimary?.ModRevision ?? 0,
            Steps = ready ? Steps(request, config, node!, moves ? failover!.To : null, primary) : [],
            Checks = checks,
            Candidates = failover?.Candidates ?? [],
            Blockers = failover?.Blockers ?? [],
        };
    }

    private static string KindOf(NodeSuspensionRequest request) => request.HandsOver ? "handover" : "suspend-node";

    /// <summary>The only node has nobody to give anything to: it can be stopped as it is.</summary>
    private static OperationPlan Alone(ClusterView view, NodeSuspensionRequest request, string id) => new()
    {
        Id = id,
        Kind = KindOf(request),
        Cluster = view.Cluster,
        Node = request.Node,
        From = view.Primary?.Name,
        Revision = view.PublishedPrimary?.ModRevision ?? 0,
        Steps = [],
        Checks = [new("AnotherNode", CheckStatus.Passed, $"{request.Node} is the only node: there is nobody to hand over to, and nothing to do before it is stopped")],
        Candidates = [],
        Blockers = [],
    };

    /// <summary>The failover that moves the primary away: to the best other node.</summary>
    internal static FailoverRequest FailoverOf(NodeSuspensionRequest request, string? heldLockKey = null) =>
        new() { HeldLockKey = heldLockKey, Why = $"{request.Node} {(request.HandsOver ? "hands over" : "is drained")}: {request.Why}", Actor = request.Actor };

    private static IEnumerable<PreflightCheck> Checks(
        ClusterView view, NodeSuspensionRequest request, ClusterConfig config, NodeObservation node, string? primary)
    {
        if (request.Drain && node.Postgres is null)
        {
            yield return new("AgentAnswers", CheckStatus.Failed, $"the agent of {node.Name} does not answer: {node.Node.Evidence}",
                "start it, or leave -Drain out: it is the one that knows of the sessions", Reason.AgentUnreachable);
        }

        if (config.Manager == ClusterManager.Pacemaker && request.HandsOver)
        {
            yield return new("RolesAreOurs", CheckStatus.Failed, "Pacemaker holds this cluster together: there are no roles to hand over", "Suspend-PgClusterNode -Drain takes the node out of service", Reason.NotSupportedHere);
        }

        if (config.Manager == ClusterManager.Pacemaker && node.Name == primary)
        {
            yield return new("Primary", CheckStatus.Failed, $"{node.Name} is the primary, and Pacemaker would stop its server", "-Drain moves the primary first", Reason.NodeNeeded);
            yield break;
        }

        if (node.Name == primary)
        {
            yield return new("Primary", CheckStatus.Warning, $"{node.Name} is the primary, and stays it", "-Drain moves the primary first");
            yield break;
        }

        yield return Policy(view, request, config, node, primary);
        if (config.Synchronous.Mode == SynchronousMode.Manual && ListOf(view, primary).Standbys.Contains(node.Name, StringComparer.OrdinalIgnoreCase))
        {
            yield return new("ManualList", CheckStatus.Warning, $"synchronous_standby_names of {primary} names {node.Name}, and is kept by hand (synchronous.mode manual)",
                "take it out there too: commits may wait for it, and an election may need it");
        }
    }

    private static SynchronousPolicyRecord ListOf(ClusterView view, string? primary) =>
        SynchronousPolicyRecord.Parse(primary ?? "", 0, view.Nodes.FirstOrDefault(n => n.Name == primary)?.Postgres?.SynchronousStandbyNames ?? "");

    /// <summary>Whether commits could wait for as many standbys as they should without this one.</summary>
    private static PreflightCheck Policy(ClusterView view, NodeSuspensionRequest request, ClusterConfig config, NodeObservation node, string? primary)
    {
        var list = ListOf(view, primary);
        var needed = config.Synchronous.Mode switch
        {
            SynchronousMode.Performance => 0,
            SynchronousMode.Manual => list.Count,
            _ => config.Synchronous.Standbys,
        };
        string[] left =
        [
            .. view.Nodes.Where(n => n.Name != node.Name && n.Name != primary && !n.Node.NoFailover && n.Node.Suspended is null
                && n.Node.State == NodeState.Running
                && (config.Synchronous.Mode != SynchronousMode.Manual || list.Standbys.Contains(n.Name, StringComparer.OrdinalIgnoreCase) || list.Standbys.Contains("*"))).Select(n => n.Name),
        ];
        var evidence = string.Create(
            CultureInfo.InvariantCulture,
            $"commits wait for {needed} standby{(needed == 1 ? "" : "s")} (synchronous.mode {config.Synchronous.Mode.ToString().ToLowerInvariant()}), and without {node.Name} {(left.Length == 0 ? "none is" : $"{string.Join(", ", left)} {(left.Length == 1 ? "is" : "are")}")} left");
        return left.Length >= needed
            ? new("PolicyHolds", CheckStatus.Passed, evidence)
            : new("PolicyHolds", request.Force || IsRelaxed(request, config) ? CheckStatus.Warning : CheckStatus.Failed, evidence,
                "bring another standby back first, or let commits wait for fewer by -Force", Reason.NodeNeeded);
    }

    /// <summary>Who leaves may leave: where commits go on with fewer standbys when one is lost, they do when one hands over.</summary>
    private static bool IsRelaxed(NodeSuspensionRequest request, ClusterConfig config) => request.HandsOver && config.Synchronous.Mode == SynchronousMode.Availability;

    private static PlanStep[] Steps(NodeSuspensionRequest request, ClusterConfig config, NodeObservation node, string? movesTo, string? primary)
    {
        var steps = new List<PlanStep> { OperationLock.Plan(config.Failover) };
        void Add(string name, string description, string at, TimeSpan budget, string undo = "") =>
            steps.Add(new PlanStep(steps.Count + 1, name, description, at, budget.TotalSeconds, undo));

        Add(SuspensionSteps.Suspend, string.Create(CultureInfo.InvariantCulture, $"take {node.Name} out of service{(request.Length is { } length ? $" for {length:c}" : "")}: never promoted, not read from"),
            node.Name, config.Failover.HealthCheckTimeout, "put it back");
        if (movesTo is not null)
        {
            Add(SuspensionSteps.Failover, $"move the primary from {node.Name} to {movesTo}", node.Name,
                config.Failover.LockTimeout + config.Failover.PauseTimeout + config.Failover.MigrateTimeout + (config.Failover.FollowTimeout * 2) + config.Failover.UndoTimeout);
        }

        if (config.Synchronous.Mode != SynchronousMode.Manual && request.HandsOver)
        {
            Add(SuspensionSteps.Role, $"wait until another node has the role of {node.Name}, and it is a spare", node.Name, config.Failover.FollowTimeout);
        }

        if (config.Synchronous.Mode != SynchronousMode.Manual && node.Name != primary)
        {
            Add(SuspensionSteps.Synchronous, $"wait until no commit waits for {node.Name} any more", node.Name, config.Failover.FollowTimeout);
        }

        if (request.Drain)
        {
            Add(SuspensionSteps.Drain, string.Create(
                CultureInfo.InvariantCulture, $"wait until no client session is left on {node.Name}, {request.DrainTimeout.TotalSeconds:0.###} s at most"),
                node.Name, request.DrainTimeout + config.Failover.HealthCheckTimeout);
        }

        if (config.Manager == ClusterManager.Pacemaker)
        {
            Add(SuspensionSteps.Standby, $"have Pacemaker stop the server of {node.Name}", node.Name, config.Pacemaker.CommandTimeout + config.Failover.FollowTimeout);
        }

        return [.. steps];
    }
}
