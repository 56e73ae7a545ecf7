using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Restart;

/// <summary>One run of a plan: gives each of its steps what carries it out, and keeps what one step leaves for the next.</summary>
internal sealed class RestartRun : IAsyncDisposable
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);

    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;
    private readonly OperationPlan _plan;
    private readonly string _actor;
    private readonly OperationLock _lock;
    private PoolerGroup? _poolers;
    private LeaderRecord? _leader;
    private int _synchronous;
    private long _pausedAt;

    public RestartRun(IClusterStore store, IClusterPeers peers, ClusterConfig config, TimeProvider time, OperationPlan plan, string actor)
    {
        _store = store;
        _peers = peers;
        _config = config;
        _time = time;
        _plan = plan;
        _actor = actor;
        _lock = new OperationLock(store, config, plan.Id, new LockHolder(actor, $"restart of {plan.Node}"));
    }

    private string Primary => _plan.From!;

    private PoolerGroup Poolers => _poolers ?? throw new InvalidOperationException("the recheck comes first");

    // The takeover of this term would pause under the same id: should the primary not come back, whoever takes over finds clients waiting, and lets them go on.
    private string PauseId => TakeoverPause.LeaseOf(_leader?.Term ?? throw new InvalidOperationException("the recheck comes first"));

    public IReadOnlyList<OperationStep> Steps() => [.. _plan.Steps.Select(step => step.Name switch
    {
        OperationLock.StepName => _lock.Step(step),
        RestartSteps.Recheck => new OperationStep(step, _lock.Guarded(RecheckAsync)),
        RestartSteps.Checkpoint => new OperationStep(step, _lock.Guarded(CheckpointAsync)),
        RestartSteps.Pause => new OperationStep(step, _lock.Guarded(ct => PauseAsync(Names(step), ct))) { UndoAsync = ct => ResumeAsync(Names(step), ct) },
        RestartSteps.Restart => new OperationStep(step, _ => RestartAsync(step)),
        RestartSteps.Resume => new OperationStep(step, ct => ResumeAsync(Names(step), ct)),
        RestartSteps.Stream => new OperationStep(step, _lock.Guarded(ct => StreamAsync(Names(step), ct))),
        _ => throw new PgClusterException(Reason.PlanStale, $"the plan has a step '{step.Name}' that this version does not know"),
    })];

    /// <summary>Who leads now; null when nobody does, or nobody says.</summary>
    public async Task<string?> LeaderNowAsync()
    {
        using var budget = new CancellationTokenSource(_config.Etcd.Timeout, _time);
        try
        {
            return (await ReadLeaderAsync(budget.Token).ConfigureAwait(false))?.Node;
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException)
        {
            return null;
        }
    }

    public ValueTask DisposeAsync() => _lock.DisposeAsync();

    private static string[] Names(PlanStep step) => step.Node.Split(',', StringSplitOptions.RemoveEmptyEntries);

    private async Task<string> RecheckAsync(CancellationToken cancellationToken)
    {
        _leader = await ReadLeaderAsync(cancellationToken).ConfigureAwait(false);
        if (_leader?.Node != Primary)
        {
            throw new PgClusterException(Reason.PlanStale, $"{_leader?.Node ?? "nobody"} leads now, the plan is for a cluster that {Primary} leads");
        }

        _poolers = await PoolerGroup.FindAsync(_store, _peers, _config, cancellationToken).ConfigureAwait(false);
        foreach (var name in _plan.Node!.Split(','))
        {
            var server = (await _peers.Node(name).GetStatusAsync(cancellationToken).ConfigureAwait(false)).Postgres;
            if (server.State != NodeState.Running || (server.Role == NodeRole.Primary) != (name == Primary))
            {
                throw new PgClusterException(Reason.PlanStale, $"{name} is {server.Role} and {server.State} now: {server.Evidence}") { Target = name };
            }
        }

        return $"{Primary} leads, and what is to be restarted runs";
    }

    private async Task<string> CheckpointAsync(CancellationToken cancellationToken)
    {
        await _peers.Node(Primary).CheckpointAsync(_lock.Token, cancellationToken).ConfigureAwait(false);
        return "";
    }

    private async Task<string> PauseAsync(string[] poolers, CancellationToken cancellationToken)
    {
        _pausedAt = _time.GetTimestamp();
        await Poolers.PauseAsync(poolers, PauseId, _actor, _config.Failover, cancellationToken).ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture, $"{poolers.Length} poolers, each for {_config.Failover.PauseExpiry.TotalSeconds:0.###} s at most");
    }

    private async Task<string> ResumeAsync(string[] poolers, CancellationToken cancellationToken)
    {
        var now = await ReadLeaderAsync(cancellationToken).ConfigureAwait(false);
        if (now?.Term != _leader!.Term)
        {
            return $"left to {now?.Node ?? "whoever leads next"}: {Primary} does not lead any more";
        }

        await Poolers.ResumeAsync(poolers, PauseId, cancellationToken).ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture, $"{poolers.Length} poolers, {_time.GetElapsedTime(_pausedAt).TotalMilliseconds:0} ms after the pause began");
    }

    /// <summary>Not ended by the caller, and not by the loss of the lock: the agent brings back what it has stopped, and the next step must not come before.</summary>
    private async Task<string> RestartAsync(PlanStep step)
    {
        using var budget = new CancellationTokenSource(TimeSpan.FromSeconds(step.BudgetSeconds), _time);
        if (step.Node != Primary || _synchronous == 0)
        {
            _synchronous = await CountSynchronousAsync(budget.Token).ConfigureAwait(false);
        }

        await _peers.Node(step.Node).RestartServerAsync(_lock.Token, budget.Token).ConfigureAwait(false);
        var now = (await _peers.Node(step.Node).GetStatusAsync(budget.Token).ConfigureAwait(false)).Postgres;
        return string.Create(CultureInfo.InvariantCulture, $"postmaster {now.PostmasterPid}{(now.PendingSettings.Count > 0 ? $"; {now.PendingSettings.Count} settings still wait for a restart" : "")}");
    }

    private async Task<string> StreamAsync(string[] standbys, CancellationToken cancellationToken)
    {
        while (true)
        {
            var primary = (await _peers.Node(Primary).GetStatusAsync(cancellationToken).ConfigureAwait(false)).Postgres;
            var missing = standbys.Where(s => !primary.Standbys.Any(p => p.Name == s && p.State == "streaming")).ToArray();
            var synchronous = Synchronous(primary);
            if (missing.Length == 0 && synchronous >= _synchronous)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", standbys)} {(standbys.Length == 1 ? "streams" : "stream")}, {synchronous} synchronous");
            }

            await Task.Delay(BetweenLooks, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<int> CountSynchronousAsync(CancellationToken cancellationToken) =>
        Synchronous((await _peers.Node(Primary).GetStatusAsync(cancellationToken).ConfigureAwait(false)).Postgres);

    private static int Synchronous(PostgresStatus primary) => primary.Standbys.Count(s => s.SyncState is SyncState.Sync or SyncState.Quorum);

    private async Task<LeaderRecord?> ReadLeaderAsync(CancellationToken cancellationToken) =>
        LeaderRecord.FromJson((await _store.GetAsync(StoreKeys.Leader, cancellationToken).ConfigureAwait(false))?.Value);
}
