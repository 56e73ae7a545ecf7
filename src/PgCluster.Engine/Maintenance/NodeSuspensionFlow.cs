using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Maintenance;

/// <summary>Takes nodes out of service and puts them back: carries out what <see cref="NodeSuspensionPlanner"/> decided.</summary>
public sealed class NodeSuspensionFlow
{
    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly ClusterObserver _observer;
    private readonly FailoverFlow _failover;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;

    /// <summary>Makes a flow for the cluster of <paramref name="config"/>.</summary>
    public NodeSuspensionFlow(IClusterStore store, IClusterPeers peers, ClusterConfig config, TimeProvider time)
    {
        _store = store;
        _peers = peers;
        _observer = new ClusterObserver(store, peers, config, time);
        _failover = new FailoverFlow(store, peers, config, time);
        _config = config;
        _time = time;
    }

    /// <summary>Looks at the cluster and says what taking the node out of service would do, and whether it may. Changes nothing.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>.</exception>
    public async Task<OperationPlan> PlanAsync(NodeSuspensionRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        NodeSuspensions.Verify(request);
        var view = await _observer.ObserveAsync(cancellationToken).ConfigureAwait(false);
        return NodeSuspensionPlanner.Assess(view, request, _config, Guid.CreateVersion7(_time.GetUtcNow()).ToString("n"));
    }

    /// <summary>
    /// Runs a plan. Never throws for what goes wrong in its steps; the report says it, and the node is in service as before then. The report is in the history when this
    /// returns, unless the store is gone.
    /// </summary>
    /// <param name="plan">A plan of <see cref="PlanAsync"/> that has steps.</param>
    /// <param name="request">The request it was made for.</param>
    /// <param name="observer">Is told of each step; null for nobody.</param>
    /// <param name="cancellationToken">Asks for the run to stop and undo.</param>
    public async Task<(OperationReport Report, NodeSuspension? Suspension)> RunAsync(
        OperationPlan plan, NodeSuspensionRequest request, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(request);
        var run = new NodeSuspensionRun(_store, _peers, _failover, _config, _time, plan, request);
        OperationResult result;
        using var limit = new CancellationTokenSource(request.Limit ?? Timeout.InfiniteTimeSpan, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        await using (run.ConfigureAwait(false))
        {
            result = await new OperationRunner(_time, _config.Failover.UndoTimeout, observer).RunAsync(run.Steps(), linked.Token).ConfigureAwait(false);
        }

        var why = string.Create(CultureInfo.InvariantCulture, $"{(request.Length is { } length ? $"for {length:c}: " : "")}{request.Why}");
        var report = result.ToReport(plan, why, request.Actor) with { NewPrimary = run.Moved?.NewPrimary ?? plan.From, PausedSeconds = run.Moved?.PausedSeconds, Timeline = run.Moved?.Timeline ?? 0 };
        if (report.Error is not null && limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            report = report with
            {
                ErrorReason = Reason.StepTimeout,
                Error = string.Create(CultureInfo.InvariantCulture, $"it was not done within {request.Limit!.Value.TotalSeconds:0.###} s ({report.Error}); {request.Node} is in service as before"),
            };
        }

        await OperationHistory.TryAddAsync(_store, report, _config.Failover.UndoTimeout, _time).ConfigureAwait(false);
        return (report, report.Outcome == OperationOutcome.Succeeded ? run.Suspension : null);
    }

    /// <summary>Puts a node back into service; what it was suspended for, or null when it was in service.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NodeNotFound"/>, or why the store does not do it.</exception>
    public async Task<NodeSuspension?> ResumeAsync(string node, string actor, CancellationToken cancellationToken)
    {
        var suspension = (await NodeSuspensions.ReadAsync(_store, cancellationToken).ConfigureAwait(false)).GetValueOrDefault(node);
        if (suspension is null && _config.Nodes.All(n => n.Name != node))
        {
            throw new PgClusterException(Reason.NodeNotFound, $"no node is named {node}; there are {string.Join(", ", _config.Nodes.Select(n => n.Name))}") { Target = node };
        }

        if (suspension is null || !await NodeSuspensions.DeleteAsync(_store, node, cancellationToken).ConfigureAwait(false))
        {
            return null;
        }

        var now = _time.GetUtcNow();
        await OperationHistory.TryAddAsync(
            _store,
            new OperationReport
            {
                Id = Guid.CreateVersion7(now).ToString("n"),
                Kind = "resume-node",
                Cluster = _config.Name,
                Node = node,
                Outcome = OperationOutcome.Succeeded,
                Why = $"ended what {suspension.Owner} had asked for: {suspension.Why}",
                Actor = actor,
                StartedAt = now,
                Steps = [],
            },
            _config.Failover.UndoTimeout, _time).ConfigureAwait(false);
        return suspension;
    }
}
