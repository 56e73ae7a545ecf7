using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Daemons;

/// <summary>Sees, upgrades, rehearses and stops the daemons of a cluster: carries out what <see cref="DaemonUpgradePlanner"/> decided.</summary>
public sealed class DaemonFlow
{
    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly ClusterObserver _cluster;
    private readonly DaemonObserver _observer;
    private readonly DaemonWait _wait;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;

    /// <summary>Makes a flow for the cluster of <paramref name="config"/>.</summary>
    public DaemonFlow(IClusterStore store, IClusterPeers peers, ClusterConfig config, TimeProvider time)
    {
        _store = store;
        _peers = peers;
        _cluster = new ClusterObserver(store, peers, config, time);
        _observer = new DaemonObserver(peers, config, time);
        _wait = new DaemonWait(peers, _observer, time);
        _config = config;
        _time = time;
    }

    /// <summary>The daemons that anybody tells of, and who did not answer, in words.</summary>
    public async Task<(IReadOnlyList<ClusterDaemon> Daemons, IReadOnlyList<PgClusterException> Silent)> ListAsync(CancellationToken cancellationToken)
    {
        var census = await _observer.ObserveAsync(cancellationToken).ConfigureAwait(false);
        return ([.. census.Sightings.Select(s => s.Daemon).Where(d => d.State != DaemonState.Rehearsed)], census.Silent);
    }

    /// <summary>Says what would be followed, in which order, and what stands in the way. Changes nothing.</summary>
    public async Task<OperationPlan> PlanUpgradeAsync(DaemonUpgradeRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var view = _cluster.ObserveAsync(cancellationToken);
        var census = await _observer.ObserveAsync(cancellationToken).ConfigureAwait(false);
        return DaemonUpgradePlanner.Assess(await view.ConfigureAwait(false), census, request, _config, Guid.CreateVersion7(_time.GetUtcNow()).ToString("n"));
    }

    /// <summary>
    /// Runs a plan: exactly its steps, and no further than to the first daemon that is not followed, which goes on. Never throws for what goes wrong in them; the report says it. The report is in the history when
    /// this returns, unless the store is gone.
    /// </summary>
    /// <param name="plan">A plan of <see cref="PlanUpgradeAsync"/> that has steps.</param>
    /// <param name="request">The request it was made for.</param>
    /// <param name="observer">Is told of each step; null for nobody.</param>
    /// <param name="cancellationToken">Asks for the run to stop; a successor that was started goes on.</param>
    public async Task<OperationReport> UpgradeAsync(OperationPlan plan, DaemonUpgradeRequest request, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(request);
        var run = new DaemonUpgradeRun(_store, _observer, _wait, _config, plan, request);
        OperationResult result;
        await using (run.ConfigureAwait(false))
        {
            result = await new OperationRunner(_time, _config.Failover.UndoTimeout, observer).RunAsync(run.Steps(), cancellationToken).ConfigureAwait(false);
        }

        var report = result.ToReport(plan, request.Why, request.Actor) with
        {
            // Who was followed by then stays so, and a daemon that was not goes on: neither needs anybody.
            Outcome = result.Outcome == OperationOutcome.RolledBack && result.Steps.Any(s => s is { Name: DaemonUpgradeSteps.Follow, Phase: StepPhase.Run, Succeeded: true })
                ? OperationOutcome.NeedsOperator : result.Outcome,
            NewPrimary = plan.From,
        };
        await OperationHistory.TryAddAsync(_store, report, _config.Failover.UndoTimeout, _time).ConfigureAwait(false);
        return report;
    }

    /// <summary>Starts the program of a daemon to see whether it could take over; the daemon goes on.</summary>
    public async Task<DaemonRehearsal> RehearseAsync(ClusterDaemon daemon, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(daemon);
        var began = _time.GetTimestamp();
        using var budget = new CancellationTokenSource(DaemonUpgradePlanner.ToFollow, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        DaemonRehearsal Result(bool succeeded, string version, string detail) =>
            new(daemon.Cluster, daemon.Name, daemon.Machine, succeeded, daemon.Version, version, _time.GetElapsedTime(began).TotalMilliseconds, detail);
        try
        {
            var successor = await _wait.StartSuccessorAsync(await FindAsync(daemon, either.Token).ConfigureAwait(false), new DaemonOrder(DaemonOrderKind.Rehearse), either.Token).ConfigureAwait(false);
            return Result(true, successor.Version, $"it could take over {(successor.Listeners.Count > 0 ? string.Join(", ", successor.Listeners) : "what there is")}");
        }
        catch (PgClusterException e)
        {
            return Result(false, "", e.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Result(false, "", string.Create(CultureInfo.InvariantCulture, $"it had not come to an end after {DaemonUpgradePlanner.ToFollow.TotalSeconds:0} s"));
        }
    }

    /// <summary>Lets a daemon end, and returns when it has.</summary>
    /// <param name="daemon">The daemon.</param>
    /// <param name="drain">How long what its clients have begun may go on; null to end it as a SIGTERM does.</param>
    /// <param name="cancellationToken">Ends the wait; the daemon ends all the same.</param>
    /// <exception cref="PgClusterException">It was not told.</exception>
    public async Task StopAsync(ClusterDaemon daemon, TimeSpan? drain, CancellationToken cancellationToken)
    {
        var sighting = await FindAsync(daemon, cancellationToken).ConfigureAwait(false);
        await _peers.Daemons(sighting.Keeper).OrderAsync(sighting.Daemon, drain is null ? new DaemonOrder(DaemonOrderKind.Stop) : new DaemonOrder(DaemonOrderKind.Drain, drain), cancellationToken).ConfigureAwait(false);
        await _wait.UntilEndedAsync(sighting.Daemon, cancellationToken).ConfigureAwait(false);
    }

    private async Task<DaemonSighting> FindAsync(ClusterDaemon daemon, CancellationToken cancellationToken) =>
        (await _observer.ObserveAsync(cancellationToken).ConfigureAwait(false)).AtWork.FirstOrDefault(s => s.Daemon.IsSameProcessAs(daemon))
        ?? throw new PgClusterException(Reason.PlanStale, string.Create(CultureInfo.InvariantCulture, $"pid {daemon.Pid} on {daemon.Machine} is not at work as {daemon.Name} any more")) { Target = daemon.Name };
}
