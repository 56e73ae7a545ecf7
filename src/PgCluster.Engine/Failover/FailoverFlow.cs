using PgCluster.Engine.Configuration;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Pacemaker;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Failover;

/// <summary>Assesses, plans and runs failovers: carries out what <see cref="FailoverPlanner"/> decided.</summary>
public sealed class FailoverFlow
{
    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly ClusterObserver _observer;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;

    /// <summary>Makes a flow for the cluster of <paramref name="config"/>.</summary>
    public FailoverFlow(IClusterStore store, IClusterPeers peers, ClusterConfig config, TimeProvider time)
    {
        _store = store;
        _peers = peers;
        _observer = new ClusterObserver(store, peers, config, time);
        _config = config;
        _time = time;
    }

    /// <summary>Looks at the cluster and says what a failover would do and whether it may. Changes nothing.</summary>
    public async Task<FailoverAssessment> AssessAsync(FailoverRequest request, CancellationToken cancellationToken)
    {
        var view = await _observer.ObserveAsync(cancellationToken).ConfigureAwait(false);
        var assessment = FailoverPlanner.Assess(view, request, _config.Failover, Guid.CreateVersion7(_time.GetUtcNow()).ToString("n"));
        if (view.Manager != ClusterManager.Pacemaker || assessment.Plan is not { Steps.Count: > 0, To: { } target } plan)
        {
            return assessment;
        }

        var rehearsed = await SimulateAsync(target, cancellationToken).ConfigureAwait(false);
        return new FailoverAssessment(plan with { Checks = [.. plan.Checks, rehearsed], Steps = rehearsed.Status == CheckStatus.Failed ? [] : plan.Steps });
    }

    /// <summary>
    /// Runs a plan: exactly its steps. Never throws for what goes wrong in them; the report says it. The report is in the history
    /// when this returns, unless the store is gone.
    /// </summary>
    /// <param name="plan">A plan of <see cref="AssessAsync"/>.</param>
    /// <param name="request">The request the plan was made for.</param>
    /// <param name="observer">Is told of each step; null for nobody.</param>
    /// <param name="cancellationToken">Asks for the run to stop and undo; not heard after the point of no return.</param>
    public async Task<OperationReport> RunAsync(
        OperationPlan plan, FailoverRequest request, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        IFailoverRun run = _config.Manager == ClusterManager.Pacemaker
            ? new PacemakerFailoverRun(_store, _peers, _observer, _config, _time, plan, request)
            : new FailoverRun(_store, _peers, _config, _time, plan, request);
        var runner = new OperationRunner(_time, _config.Failover.UndoTimeout, observer);
        OperationResult result;
        await using (run.ConfigureAwait(false))
        {
            result = await runner.RunAsync(run.Steps(), cancellationToken).ConfigureAwait(false);
        }

        var report = result.ToReport(plan, request.Why, request.Actor) with
        {
            NewPrimary = run.Promotion is null ? plan.From : plan.To,
            Forced = plan.Forced,
            Timeline = run.Promotion?.Timeline ?? 0,
            SwitchLsn = run.Shutdown?.CheckpointLsn.ToString(),
            PausedSeconds = result.PausedSeconds(FailoverSteps.Pause, FailoverSteps.Resume),
        };
        await RecordAsync(report).ConfigureAwait(false);
        return report;
    }

    /// <summary>What Pacemaker itself says that it would do.</summary>
    private async Task<PreflightCheck> SimulateAsync(string target, CancellationToken cancellationToken)
    {
        const string Name = PreflightCheck.PacemakerWouldDo;
        using var budget = new CancellationTokenSource(_config.Pacemaker.QueryTimeout * 3, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        try
        {
            var actions = await _peers.AnyAsync(_config, target, agent => agent.SimulateMoveAsync(target, linked.Token)).ConfigureAwait(false);
            return actions.Count > 0
                ? new PreflightCheck(Name, CheckStatus.Passed, string.Join("; ", actions))
                : new PreflightCheck(Name, CheckStatus.Failed, $"Pacemaker would do nothing when it is asked to move the primary to {target}", "crm_simulate --live-check -s says what keeps it", Reason.TargetNotEligible);
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return new PreflightCheck(Name, CheckStatus.Warning, $"what Pacemaker would do cannot be rehearsed: {e.Message}", "see whether crm_simulate is installed there");
        }
    }

    /// <summary>Adds a report to the cluster's history, as far as the store can be reached.</summary>
    public Task RecordAsync(OperationReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return OperationHistory.TryAddAsync(_store, report, _config.Failover.UndoTimeout, _time);
    }
}
