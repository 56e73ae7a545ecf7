using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Rejoin;

/// <summary>Plans and runs repairs: what <see cref="RepairPlanner"/> decided, carried out by the node's agent.</summary>
public sealed class RepairFlow
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);

    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly ClusterObserver _observer;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;

    /// <summary>Makes a flow for the cluster of <paramref name="config"/>.</summary>
    public RepairFlow(IClusterStore store, IClusterPeers peers, ClusterConfig config, TimeProvider time)
    {
        _store = store;
        _peers = peers;
        _observer = new ClusterObserver(store, peers, config, time);
        _config = config;
        _time = time;
    }

    /// <summary>Looks at the cluster and asks the node's agent what it would take. Changes nothing.</summary>
    /// <exception cref="PgClusterException">The agent could not find out, and why.</exception>
    public async Task<RepairPlan> PlanAsync(RepairRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var view = await _observer.ObserveAsync(cancellationToken).ConfigureAwait(false);
        var id = Guid.CreateVersion7(_time.GetUtcNow()).ToString("n");
        if (RepairPlanner.BeforeInspection(view, request, id) is { } settled)
        {
            return settled;
        }

        using var budget = new CancellationTokenSource(_config.Failover.FollowTimeout, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        try
        {
            var found = await _peers.Node(request.Node).InspectRejoinAsync(AddressOf(view.Primary!.Name), linked.Token).ConfigureAwait(false);
            return RepairPlanner.Assess(view, request, found, _config.Failover, id);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PgClusterException(Reason.StepTimeout, string.Create(
                CultureInfo.InvariantCulture, $"the agent of {request.Node} did not say within {_config.Failover.FollowTimeout.TotalSeconds:0.###} s what it takes to bring it back")) { Target = request.Node };
        }
    }

    /// <summary>
    /// Runs a plan. Never throws for what goes wrong in its steps; the report says it. The report is in the history when this returns, unless the store is gone.
    /// </summary>
    /// <param name="plan">A plan of <see cref="PlanAsync"/> that has steps.</param>
    /// <param name="request">The request it was made for.</param>
    /// <param name="observer">Is told of each step; null for nobody.</param>
    /// <param name="cancellationToken">Asks for the run to stop: what was begun on the node is left for its agent, or for another repair.</param>
    public async Task<OperationReport> RunAsync(RepairPlan plan, RepairRequest request, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(request);
        var operation = plan.Operation;
        var runner = new OperationRunner(_time, _config.Failover.UndoTimeout, observer);
        var held = new OperationLock(_store, _config, operation.Id, new LockHolder(request.Actor, $"repair of {plan.Name}"));
        OperationResult result;
        await using (held.ConfigureAwait(false))
        {
            result = await runner.RunAsync(
                [.. operation.Steps.Select(step => step.Name switch
                {
                    OperationLock.StepName => held.Step(step),
                    RepairSteps.Recheck => new OperationStep(step, held.Guarded(ct => RecheckAsync(plan, ct))),
                    RepairSteps.Stream => new OperationStep(step, held.Guarded(ct => StreamAsync(plan, ct))),
                    _ => new OperationStep(step, held.Guarded(ct => BringBackAsync(plan, request, held.Token, ct))),
                })],
                cancellationToken).ConfigureAwait(false);
        }

        var report = result.ToReport(operation, request.Why, request.Actor) with
        {
            Node = plan.Name,

            // Nothing takes a begun repair back: the node is where it was left.
            Outcome = result.Outcome == OperationOutcome.RolledBack && result.Steps.Any(s => s.Phase == StepPhase.Run && s.Node == plan.Name)
                ? OperationOutcome.NeedsOperator : result.Outcome,
            OldPrimary = plan.Upstream,
            NewPrimary = plan.Upstream,
            Timeline = plan.UpstreamTimeline,
        };
        await OperationHistory.TryAddAsync(_store, report, _config.Failover.UndoTimeout, _time).ConfigureAwait(false);
        return report;
    }

    private async Task<string> RecheckAsync(RepairPlan plan, CancellationToken cancellationToken)
    {
        if (_config.Manager == ClusterManager.Pacemaker)
        {
            var primary = (await _peers.Node(plan.Upstream!).GetStatusAsync(cancellationToken).ConfigureAwait(false)).Postgres;
            return primary is { Role: NodeRole.Primary, State: NodeState.Running } && primary.Timeline == plan.UpstreamTimeline
                ? string.Create(CultureInfo.InvariantCulture, $"{plan.Upstream} is the primary on timeline {primary.Timeline}")
                : throw new PgClusterException(Reason.PlanStale, $"{plan.Upstream} is {primary.Role} and {primary.State} on timeline {primary.Timeline} now, the plan is for timeline {plan.UpstreamTimeline}") { Target = plan.Name };
        }

        var leader = Leadership.LeaderRecord.FromJson((await _store.GetAsync(StoreKeys.Leader, cancellationToken).ConfigureAwait(false))?.Value);
        return leader?.Node == plan.Upstream && leader!.Timeline == plan.UpstreamTimeline
            ? string.Create(CultureInfo.InvariantCulture, $"{leader.Node} leads on timeline {leader.Timeline}")
            : throw new PgClusterException(Reason.PlanStale, $"{leader?.Node ?? "nobody"} leads now, the plan is for a standby of {plan.Upstream} on timeline {plan.UpstreamTimeline}") { Target = plan.Name };
    }

    private async Task<string> BringBackAsync(RepairPlan plan, RepairRequest request, OperationToken token, CancellationToken cancellationToken)
    {
        var order = new RejoinOrder(
            request.Method,
            plan.Method switch { RepairMethod.Follow => RejoinMethod.Follow, RepairMethod.Rewind => RejoinMethod.Rewind, _ => RejoinMethod.Clone },
            plan.DiscardedBytes, plan.KeepCopy);
        var outcome = await _peers.Node(plan.Name).RejoinAsync(token, AddressOf(plan.Upstream!), order, cancellationToken).ConfigureAwait(false);
        return $"{outcome.Method}: {plan.Why}{(outcome.KeptDirectory is { } kept ? $"; what was discarded is in {kept}" : "")}";
    }

    private async Task<string> StreamAsync(RepairPlan plan, CancellationToken cancellationToken)
    {
        var upstream = AddressOf(plan.Upstream!);
        var wanted = string.Create(CultureInfo.InvariantCulture, $"{upstream.Host}:{upstream.Port}");
        while (true)
        {
            var now = (await _peers.Node(plan.Name).GetStatusAsync(cancellationToken).ConfigureAwait(false)).Postgres;
            if (now is { Role: NodeRole.Standby, State: NodeState.Running } && now.UpstreamAddress == wanted && now.Timeline >= plan.UpstreamTimeline)
            {
                return now.Evidence;
            }

            await Task.Delay(BetweenLooks, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private UpstreamAddress AddressOf(string name)
    {
        var node = _config.Nodes.First(n => n.Name == name);
        return new UpstreamAddress(node.Name, node.Host, node.Port);
    }
}
