using PgCluster.Engine.Configuration;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Membership;

/// <summary>Plans and runs changes of a cluster's nodes: carries out what <see cref="MembershipPlanner"/> decided.</summary>
public sealed class MembershipFlow
{
    private readonly ClusterConfig _file;
    private readonly IClusterStore _store;
    private readonly ClusterObserver _observer;
    private readonly TimeProvider _time;

    /// <summary>Makes a flow.</summary>
    /// <param name="file">The caller's configuration file.</param>
    /// <param name="store">The store.</param>
    /// <param name="observer">Looks at the nodes there are now.</param>
    /// <param name="time">The clock.</param>
    public MembershipFlow(ClusterConfig file, IClusterStore store, ClusterObserver observer, TimeProvider time)
    {
        _file = file;
        _store = store;
        _observer = observer;
        _time = time;
    }

    /// <summary>What adding a node would do and whether it may. Changes nothing.</summary>
    public async Task<OperationPlan> PlanAddAsync(AddNodeRequest request, CancellationToken cancellationToken) =>
        MembershipPlanner.Add(await LookAsync(cancellationToken).ConfigureAwait(false), request, NewId());

    /// <summary>What removing a node would do and whether it may. Changes nothing.</summary>
    public async Task<OperationPlan> PlanRemoveAsync(RemoveNodeRequest request, CancellationToken cancellationToken) =>
        MembershipPlanner.Remove(await LookAsync(cancellationToken).ConfigureAwait(false), request, NewId());

    /// <summary>What changing a node would do and whether it may. Without steps and without a check that failed there is nothing to change. Changes nothing.</summary>
    public async Task<OperationPlan> PlanSetAsync(SetNodeRequest request, CancellationToken cancellationToken) =>
        MembershipPlanner.Set(await LookAsync(cancellationToken).ConfigureAwait(false), request, NewId());

    /// <summary>Changes a node: exactly the plan's steps. What goes wrong in them is in the report.</summary>
    public Task<OperationReport> RunSetAsync(OperationPlan plan, SetNodeRequest request, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var what = plan.Steps.FirstOrDefault(s => s.Name == MembershipSteps.Set)?.Description ?? "";
        return RunAsync(
            plan, request.Name, MembershipPlanner.RecordOf(request), request.Why.Length > 0 ? $"{what}; {request.Why}" : what, request.Actor, observer, cancellationToken);
    }

    /// <summary>Adds a node: exactly the plan's steps. What goes wrong in them is in the report.</summary>
    public Task<OperationReport> RunAddAsync(OperationPlan plan, AddNodeRequest request, IOperationObserver? observer, CancellationToken cancellationToken) =>
        RunAsync(plan, request.Name, MembershipPlanner.RecordOf(request), request.Why, request.Actor, observer, cancellationToken);

    /// <summary>Removes a node: exactly the plan's steps. What goes wrong in them is in the report.</summary>
    public Task<OperationReport> RunRemoveAsync(OperationPlan plan, RemoveNodeRequest request, IOperationObserver? observer, CancellationToken cancellationToken) =>
        RunAsync(plan, request.Name, new MemberRecord { Removed = true, StopServer = request.StopServer, By = request.Actor }, request.Why, request.Actor, observer, cancellationToken);

    private async Task<OperationReport> RunAsync(
        OperationPlan plan, string name, MemberRecord record, string why, string actor, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        var run = new MembershipRun(_store, _file, _time, plan, name, record, actor);
        OperationResult result;
        await using (run.ConfigureAwait(false))
        {
            result = await new OperationRunner(_time, _file.Failover.UndoTimeout, observer).RunAsync(run.Steps(), cancellationToken).ConfigureAwait(false);
        }

        var report = result.ToReport(plan, why.Length > 0 ? $"{name}: {why}" : name, actor);
        await OperationHistory.TryAddAsync(_store, report, _file.Failover.UndoTimeout, _time).ConfigureAwait(false);
        return report;
    }

    private async Task<MembershipFacts> LookAsync(CancellationToken cancellationToken)
    {
        var view = await _observer.ObserveAsync(cancellationToken).ConfigureAwait(false);
        if (!view.Store.HasQuorum)
        {
            return new MembershipFacts(_file, Members.Unread, view, Initialized: false);
        }

        var members = Members.ReadAsync(_store, cancellationToken);
        var cluster = _store.GetAsync(StoreKeys.Cluster, cancellationToken);
        var last = _store.GetAsync(StoreKeys.LastLeader, cancellationToken);
        return new MembershipFacts(
            _file, await members.ConfigureAwait(false), view,
            Initialized: await cluster.ConfigureAwait(false) is not null || await last.ConfigureAwait(false) is not null);
    }

    private string NewId() => Guid.CreateVersion7(_time.GetUtcNow()).ToString("n");
}
