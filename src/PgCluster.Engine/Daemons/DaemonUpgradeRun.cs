using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;

namespace PgCluster.Engine.Daemons;

/// <summary>One run of a plan: gives each of its steps what carries it out.</summary>
internal sealed class DaemonUpgradeRun : IAsyncDisposable
{
    private readonly DaemonObserver _observer;
    private readonly DaemonWait _wait;
    private readonly OperationPlan _plan;
    private readonly DaemonUpgradeRequest _request;
    private readonly OperationLock _lock;
    private readonly Dictionary<string, ClusterDaemon> _old = new(StringComparer.Ordinal);

    public DaemonUpgradeRun(IClusterStore store, DaemonObserver observer, DaemonWait wait, ClusterConfig config, OperationPlan plan, DaemonUpgradeRequest request)
    {
        (_observer, _wait, _plan, _request) = (observer, wait, plan, request);
        _lock = new OperationLock(store, config, plan.Id, new LockHolder(request.Actor, $"upgrade of {plan.Node}"));
    }

    public IReadOnlyList<OperationStep> Steps() => [.. _plan.Steps.Select(step => step.Name switch
    {
        OperationLock.StepName => _lock.Step(step),
        DaemonUpgradeSteps.Rehearse => new OperationStep(step, _lock.Guarded(ct => RehearseAsync(step.Node, ct))),
        DaemonUpgradeSteps.Follow => new OperationStep(step, _lock.Guarded(ct => FollowAsync(step.Node, ct))),
        DaemonUpgradeSteps.Drain => new OperationStep(step, _lock.Guarded(ct => DrainAsync(step.Node, ct))),
        _ => throw new PgClusterException(Reason.PlanStale, $"the plan has a step '{step.Name}' that this version does not know"),
    })];

    public ValueTask DisposeAsync() => _lock.DisposeAsync();

    private async Task<string> RehearseAsync(string name, CancellationToken cancellationToken)
    {
        var successor = await _wait.StartSuccessorAsync(await FindAsync(name, cancellationToken).ConfigureAwait(false), new DaemonOrder(DaemonOrderKind.Rehearse), cancellationToken).ConfigureAwait(false);
        return $"{successor.Version} could take over {(successor.Listeners.Count > 0 ? string.Join(", ", successor.Listeners) : "what there is")}";
    }

    private async Task<string> FollowAsync(string name, CancellationToken cancellationToken)
    {
        var sighting = await FindAsync(name, cancellationToken).ConfigureAwait(false);
        _old[name] = sighting.Daemon;
        var successor = await _wait.StartSuccessorAsync(sighting, new DaemonOrder(DaemonOrderKind.Upgrade, _request.DrainTimeout), cancellationToken).ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture, $"pid {successor.Pid} ({successor.Version}) is at work in the place of pid {sighting.Daemon.Pid} ({sighting.Daemon.Version}), {successor.TakeoverMs:0} ms after its turn began");
    }

    private async Task<string> DrainAsync(string name, CancellationToken cancellationToken)
    {
        var old = _old[name];
        var left = await _wait.UntilEndedAsync(old, cancellationToken).ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture, $"pid {old.Pid} has ended; it was last seen with {left} connections");
    }

    private async Task<DaemonSighting> FindAsync(string name, CancellationToken cancellationToken)
    {
        var found = (await _observer.ObserveAsync(cancellationToken).ConfigureAwait(false)).AtWork.Where(s => s.Daemon.Name == name).ToArray();
        return found is [var one] ? one : throw new PgClusterException(
            Reason.PlanStale, found.Length == 0 ? $"no daemon {name} is at work now" : $"{found.Length} daemons {name} are at work now") { Target = name };
    }
}
