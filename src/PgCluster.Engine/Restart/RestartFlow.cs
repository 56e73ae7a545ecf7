using PgCluster.Engine.Configuration;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Restart;

/// <summary>Plans and runs restarts: carries out what <see cref="RestartPlanner"/> decided.</summary>
public sealed class RestartFlow
{
    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly ClusterObserver _observer;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;

    /// <summary>Makes a flow for the cluster of <paramref name="config"/>.</summary>
    public RestartFlow(IClusterStore store, IClusterPeers peers, ClusterConfig config, TimeProvider time)
    {
        _store = store;
        _peers = peers;
        _observer = new ClusterObserver(store, peers, config, time);
        _config = config;
        _time = time;
    }

    /// <summary>Looks at the cluster and says what would be restarted, in which order and why. Changes nothing.</summary>
    public async Task<OperationPlan> PlanAsync(RestartRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var view = await _observer.ObserveAsync(cancellationToken).ConfigureAwait(false);
        return RestartPlanner.Assess(view, request, _config.Failover, Guid.CreateVersion7(_time.GetUtcNow()).ToString("n"));
    }

    /// <summary>
    /// Runs a plan: exactly its steps, and no further than to the first node that does not come back. Never throws for what goes wrong in them; the report says it. The
    /// report is in the history when this returns, unless the store is gone.
    /// </summary>
    /// <param name="plan">A plan of <see cref="PlanAsync"/> that has steps.</param>
    /// <param name="request">The request it was made for.</param>
    /// <param name="observer">Is told of each step; null for nobody.</param>
    /// <param name="cancellationToken">Asks for the run to stop: not in the middle of a node, whose server would be down.</param>
    public async Task<OperationReport> RunAsync(OperationPlan plan, RestartRequest request, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(request);
        var runner = new OperationRunner(_time, _config.Failover.UndoTimeout, observer);
        var run = new RestartRun(_store, _peers, _config, _time, plan, request.Actor);
        OperationResult result;
        await using (run.ConfigureAwait(false))
        {
            result = await runner.RunAsync(run.Steps(), cancellationToken).ConfigureAwait(false);
        }

        var report = result.ToReport(plan, request.Why, request.Actor) with
        {
            // A restart is not taken back: what was done by then stays done.
            Outcome = result.Outcome == OperationOutcome.RolledBack && result.Steps.Any(s => s is { Name: RestartSteps.Restart, Phase: StepPhase.Run })
                ? OperationOutcome.NeedsOperator : result.Outcome,
            NewPrimary = await run.LeaderNowAsync().ConfigureAwait(false) ?? plan.From,
            PausedSeconds = result.PausedSeconds(RestartSteps.Pause, RestartSteps.Resume),
        };
        await OperationHistory.TryAddAsync(_store, report, _config.Failover.UndoTimeout, _time).ConfigureAwait(false);
        return report;
    }
}
