using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Pacemaker;
using PgCluster.Engine.Roles;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Maintenance;

/// <summary>One run of a plan: gives each of its steps what carries it out, and keeps what one step leaves for the next.</summary>
internal sealed class NodeSuspensionRun : IAsyncDisposable
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(200);

    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly ClusterObserver _observer;
    private readonly FailoverFlow _failover;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;
    private readonly OperationPlan _plan;
    private readonly NodeSuspensionRequest _request;
    private readonly OperationLock _lock;
    private NodeSuspension? _before;

    public NodeSuspensionRun(
        IClusterStore store, IClusterPeers peers, FailoverFlow failover, ClusterConfig config, TimeProvider time, OperationPlan plan, NodeSuspensionRequest request)
    {
        _store = store;
        _peers = peers;
        _observer = new ClusterObserver(store, peers, config, time);
        _failover = failover;
        _config = config;
        _time = time;
        _plan = plan;
        _request = request;
        _lock = new OperationLock(store, config, plan.Id, new LockHolder(request.Actor, $"suspension of {request.Node}"));
    }

    /// <summary>The suspension, with the sessions that were left after a drain; null before it stands.</summary>
    public NodeSuspension? Suspension { get; private set; }

    /// <summary>The failover of the drain; null when there was none.</summary>
    public OperationReport? Moved { get; private set; }

    public IReadOnlyList<OperationStep> Steps() => [.. _plan.Steps.Select(step => step.Name switch
    {
        OperationLock.StepName => _lock.Step(step),
        SuspensionSteps.Suspend => new OperationStep(step, _lock.Guarded(SuspendAsync)) { UndoAsync = PutBackAsync },
        SuspensionSteps.Failover => new OperationStep(step, _lock.Guarded(FailOverAsync)),
        SuspensionSteps.Role => new OperationStep(step, _lock.Guarded(WaitUntilSpareAsync)),
        SuspensionSteps.Synchronous => new OperationStep(step, _lock.Guarded(WaitUntilUnneededAsync)),
        SuspensionSteps.Drain => new OperationStep(step, _lock.Guarded(DrainAsync)),
        SuspensionSteps.Standby => new OperationStep(step, _lock.Guarded(StandByAsync)),
        _ => throw new PgClusterException(Reason.PlanStale, $"the plan has a step '{step.Name}' that this version does not know"),
    })];

    public ValueTask DisposeAsync() => _lock.DisposeAsync();

    private async Task<string> SuspendAsync(CancellationToken cancellationToken)
    {
        // Once more, under the lock: another node may have been taken out of service, or lost, since the plan was made.
        var view = await _observer.ObserveAsync(cancellationToken).ConfigureAwait(false);
        var now = NodeSuspensionPlanner.Assess(view, _request, _config, _plan.Id, _lock.Token.LockKey);
        if (FailoverAssessment.RefusalOf(now) is { } refusal)
        {
            throw refusal;
        }

        if (now.From != _plan.From || now.Steps.Count != _plan.Steps.Count)
        {
            throw new PgClusterException(Reason.PlanStale, $"{now.From ?? "nobody"} is the primary now, the plan was made when it was {_plan.From ?? "nobody"}") { Target = _request.Node };
        }

        _before = (await NodeSuspensions.ReadAsync(_store, cancellationToken).ConfigureAwait(false)).GetValueOrDefault(_request.Node);
        var since = _time.GetUtcNow();
        var suspension = new NodeSuspension
        {
            Cluster = _plan.Cluster,
            Name = _request.Node,
            Owner = _request.Actor,
            Why = _request.Why,
            Since = since,
            Until = since + _request.Length,
            HandsOver = _request.HandsOver,
        };
        await NodeSuspensions.PutAsync(_store, suspension, _request.Length, cancellationToken).ConfigureAwait(false);
        Suspension = suspension;
        return suspension.ToString();
    }

    private async Task<string> PutBackAsync(CancellationToken cancellationToken)
    {
        if (_before is { } before && (before.Until is null || before.Until > _time.GetUtcNow() + TimeSpan.FromSeconds(1)))
        {
            await NodeSuspensions.PutAsync(_store, before, before.Until - _time.GetUtcNow(), cancellationToken).ConfigureAwait(false);
            return $"as before: {before}";
        }

        await NodeSuspensions.DeleteAsync(_store, _request.Node, cancellationToken).ConfigureAwait(false);
        return "in service again";
    }

    private async Task<string> FailOverAsync(CancellationToken cancellationToken)
    {
        var request = NodeSuspensionPlanner.FailoverOf(_request, _lock.Token.LockKey);
        var assessment = await _failover.AssessAsync(request, cancellationToken).ConfigureAwait(false);
        if (assessment.Refusal is { } refusal)
        {
            throw refusal;
        }

        var report = await _failover.RunAsync(assessment.Plan, request, null, cancellationToken).ConfigureAwait(false);
        if (report.NewPrimary != _request.Node)
        {
            Moved = report;
        }

        return report.Outcome == OperationOutcome.Succeeded
            ? string.Create(CultureInfo.InvariantCulture, $"{report.NewPrimary} is the primary, clients were paused for {report.PausedSeconds ?? 0:0.000} s; operation {report.Id}")
            : throw new PgClusterException(report.ErrorReason ?? Reason.RolledBack, $"the failover ended {report.Outcome}: {report.Error}; operation {report.Id}") { Target = _request.Node };
    }

    /// <summary>By the primary's agent before others: the node's own may not outlive it.</summary>
    private async Task<string> StandByAsync(CancellationToken cancellationToken)
    {
        var primary = Moved?.NewPrimary ?? _plan.From ?? throw new PgClusterException(Reason.NoPrimary, "no node runs as the primary");
        await _peers.AnyAsync(_config, primary, agent => agent.SetStandbyAsync(_lock.Token, _request.Node, cancellationToken)).ConfigureAwait(false);
        await PacemakerWait.UntilAsync(
            _observer, _config.Pacemaker, _time, p => p.Of(_request.Node) is { InStandby: true, SyncState: SyncState.None }, $"standby of {_request.Node}", cancellationToken).ConfigureAwait(false);
        return $"Pacemaker runs nothing on {_request.Node}";
    }

    /// <summary>Until the leader's role loop has given its role to another node, or found that there is none.</summary>
    private async Task<string> WaitUntilSpareAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await RefuseInServiceAsync("another node had its role", cancellationToken).ConfigureAwait(false);
            var entry = await _store.GetAsync(StoreKeys.Roles, cancellationToken).ConfigureAwait(false);
            if (RoleRecord.FromJson(entry?.Value) is { } record && record.Of(_request.Node) == MemberRole.Spare)
            {
                return $"voters are {Those(record, MemberRole.Voter)}, stand-bys {Those(record, MemberRole.StandBy)}";
            }

            await Task.Delay(BetweenLooks, _time, cancellationToken).ConfigureAwait(false);
        }

        static string Those(RoleRecord record, MemberRole role) =>
            record.Roles.Where(r => r.Value == role).Select(r => r.Key).Order(StringComparer.Ordinal).ToArray() is { Length: > 0 } nodes ? string.Join(", ", nodes) : "none";
    }

    /// <summary>The leader gives a node that is in service again a role, and puts it back on its list: there would be nothing to wait for.</summary>
    private async Task RefuseInServiceAsync(string before, CancellationToken cancellationToken)
    {
        if (!(await NodeSuspensions.ReadAsync(_store, cancellationToken).ConfigureAwait(false)).ContainsKey(_request.Node))
        {
            throw new PgClusterException(
                Reason.PlanStale, string.Create(CultureInfo.InvariantCulture, $"{_request.Node} is in service again, before {before}: {WhyOver()}")) { Target = _request.Node };
        }
    }

    /// <summary>
    /// Until the leader has put it off its list, and off the record of those that an election would have to ask. Older lists stay there until every node that may lead has what they vouch for: where none but the leader is
    /// there, nobody could be elected anyway, and waiting would end only when another one comes back.
    /// </summary>
    private async Task<string> WaitUntilUnneededAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await RefuseInServiceAsync("commits had stopped waiting for it", cancellationToken).ConfigureAwait(false);
            var entry = await _store.GetAsync(StoreKeys.Synchronous, cancellationToken).ConfigureAwait(false);
            var policy = SynchronousPolicyRecord.FromJson(entry?.Value);
            if (policy is null || !policy.InForce.Any(Names))
            {
                return policy is null or { Count: 0 }
                    ? "commits wait for nobody"
                    : string.Create(CultureInfo.InvariantCulture, $"commits wait for {policy.Count} of {string.Join(", ", policy.Standbys)}");
            }

            if (policy.Count == 0 && !await IsAnotherStandbyThereAsync(policy.Primary, cancellationToken).ConfigureAwait(false))
            {
                return $"commits wait for nobody; beside {policy.Primary} nobody is left who could be elected";
            }

            await Task.Delay(BetweenLooks, _time, cancellationToken).ConfigureAwait(false);
        }

        bool Names(SynchronousPolicyRecord policy) => policy.Primary != _request.Node && policy.Standbys.Contains(_request.Node, StringComparer.OrdinalIgnoreCase);
    }

    private async Task<bool> IsAnotherStandbyThereAsync(string primary, CancellationToken cancellationToken) =>
        (await _observer.ObserveNodesAsync(cancellationToken).ConfigureAwait(false)).Any(n => n.Name != primary && n.Name != _request.Node && n.Node is { Role: NodeRole.Standby, State: NodeState.Running });

    private string WhyOver() => _request.Length is { } length && _time.GetUtcNow() >= Suspension!.Until
        ? string.Create(CultureInfo.InvariantCulture, $"its suspension was for {length.TotalSeconds:0.###} s only; ask for longer")
        : "somebody has resumed it";

    private async Task<string> DrainAsync(CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        while (true)
        {
            var sessions = await SessionsAsync(cancellationToken).ConfigureAwait(false);
            if (sessions is { Count: 0 })
            {
                Suspension = Suspension! with { Sessions = [] };
                return "no client session is left";
            }

            if (_time.GetElapsedTime(began) >= _request.DrainTimeout)
            {
                Suspension = Suspension! with { Sessions = sessions ?? [] };
                return sessions is null
                    ? throw new PgClusterException(Reason.PostgresUnavailable, $"{_request.Node} does not say which sessions are left") { Target = _request.Node }
                    : string.Create(CultureInfo.InvariantCulture, $"{sessions.Count} sessions are left: {string.Join("; ", sessions.Take(5).Select(Describe))}{(sessions.Count > 5 ? "; …" : "")}");
            }

            await Task.Delay(BetweenLooks, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<IReadOnlyList<ClientSession>?> SessionsAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _peers.Node(_request.Node).GetSessionsAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException e) when (e.Reason == Reason.PostgresUnavailable)
        {
            // After a failover it may be on its way to being a standby.
            return null;
        }
    }

    private static string Describe(ClientSession session) => string.Create(
        CultureInfo.InvariantCulture, $"pid {session.Pid} of {session.User} in {session.Database}{(session.Application.Length > 0 ? $" ({session.Application})" : "")}, {session.State}, for {session.AgeSeconds:0} s");
}
