using System.Collections.Concurrent;
using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Maintenance;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Failover;

/// <summary>One run of a plan: gives each of its steps what carries it out, and keeps what one step leaves for the next.</summary>
internal sealed class FailoverRun : IAsyncDisposable
{
    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;
    private readonly OperationPlan _plan;
    private readonly FailoverRequest _request;
    private readonly StoreKeys _keys;
    private readonly NodeConfig _target;

    // Everything between the first pause and the promotion shares one deadline, which lies before the keepers' expiry: else clients would be let
    // through to a primary that is gone.
    private readonly CancellationTokenSource _migrateBudget;
    private PoolerGroup? _poolers;
    private IStoreLock? _lock;
    private OperationToken? _token;
    private long _pausedAt;

    public FailoverRun(
        IClusterStore store, IClusterPeers peers, ClusterConfig config, TimeProvider time, OperationPlan plan, FailoverRequest request)
    {
        _store = store;
        _peers = peers;
        _config = config;
        _time = time;
        _plan = plan;
        _request = request;
        _keys = new StoreKeys(config.Etcd.PrimaryKey);
        _target = config.Nodes.FirstOrDefault(n => n.Name == plan.To)
            ?? throw new PgClusterException(Reason.NodeNotFound, $"no node is named {plan.To}") { Target = plan.To };
        _migrateBudget = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
    }

    /// <summary>What the promotion did; null before it.</summary>
    public Promotion? Promotion { get; private set; }

    /// <summary>How the old primary went down; null when it did not.</summary>
    public PostgresShutdown? Shutdown { get; private set; }

    private FailoverConfig Options => _config.Failover;

    private PoolerGroup Poolers => _poolers ?? throw new InvalidOperationException("the recheck comes first");

    private OperationToken Token => _token ?? throw new InvalidOperationException("the lock comes first");

    public IReadOnlyList<OperationStep> Steps() => [.. _plan.Steps.Select(step => step.Name switch
    {
        FailoverSteps.Lock => new OperationStep(step, LockAsync) { FinallyAsync = UnlockAsync },
        FailoverSteps.Recheck => new OperationStep(step, Guarded(RecheckAsync)),
        FailoverSteps.Cascade => new OperationStep(step, Guarded(ct => CascadeAsync(Names(step), ct))) { UndoAsync = ct => FollowAsync(Names(step), _plan.From!, ct) },
        FailoverSteps.Checkpoint => new OperationStep(step, Guarded(CheckpointAsync)),
        FailoverSteps.Pause => new OperationStep(step, Guarded(ct => PauseAsync(Names(step), ct))) { UndoAsync = ct => ResumeAsync(Names(step), ct) },
        FailoverSteps.Stop => new OperationStep(step, Guarded(StopAsync)) { UndoAsync = RestartAsync },
        FailoverSteps.Prove => new OperationStep(step, Guarded(ProveAsync)),
        FailoverSteps.Promote => new OperationStep(step, Guarded(PromoteAsync)),
        FailoverSteps.Publish => new OperationStep(step, ConfirmPublishedAsync),
        FailoverSteps.Repoint => new OperationStep(step, ct => RepointAsync(Names(step), ct)),
        FailoverSteps.Resume => new OperationStep(step, ct => ResumeAsync(Names(step), ct)),
        FailoverSteps.Follow => new OperationStep(step, ct => FollowAsync(Names(step), _target.Name, ct)),
        _ => throw new PgClusterException(Reason.PlanStale, $"the plan has a step '{step.Name}' that this version does not know"),
    })];

    public async ValueTask DisposeAsync()
    {
        _migrateBudget.Dispose();
        if (_lock is { } held)
        {
            await held.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static string[] Names(PlanStep step) => step.Node.Split(',', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Ends a step as soon as the lock is lost or the shared deadline is over, and says which.</summary>
    private Func<CancellationToken, Task<string>> Guarded(Func<CancellationToken, Task<string>> step) => async cancellationToken =>
    {
        var lost = _lock?.Lost ?? CancellationToken.None;
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lost, _migrateBudget.Token);
        try
        {
            linked.Token.ThrowIfCancellationRequested();
            return await step(linked.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (lost.IsCancellationRequested)
        {
            throw new PgClusterException(Reason.LockLost, "the lease of the cluster's lock ended", e);
        }
        catch (OperationCanceledException e) when (_migrateBudget.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new PgClusterException(
                Reason.StepTimeout,
                string.Create(CultureInfo.InvariantCulture, $"{(Options.PauseTimeout + Options.MigrateTimeout).TotalSeconds:0.###} s (pause_timeout + migrate_timeout) after the pause began there is no new primary"), e);
        }
    };

    private async Task<string> LockAsync(CancellationToken cancellationToken)
    {
        string key;
        long revision;
        if (_request.HeldLockKey is { } held)
        {
            var owner = await _store.GetLockAsync(_keys.Lock, cancellationToken).ConfigureAwait(false);
            if (owner?.Key != held)
            {
                throw new PgClusterException(Reason.LockLost, $"the caller's lock {held} does not hold the cluster");
            }

            (key, revision) = (owner.Key, owner.CreateRevision);
        }
        else
        {
            _lock = await _store.AcquireLockAsync(
                _keys.Lock, new LockHolder(_request.Actor, $"{_plan.Kind} to {_plan.To}"), Options.LockTtl, Options.LockTimeout, cancellationToken).ConfigureAwait(false);
            (key, revision) = (_lock.Key, _lock.CreateRevision);
        }

        _token = new OperationToken(_plan.Id, key, revision);
        var announced = await _store.CommitAsync(
            [new StoreCondition.CreateRevisionIs(key, revision)],
            [new StoreOperation.Put(StoreKeys.Operation, new OperationDecision(_plan.Id, DecisionState.Running, _plan.From, _target.Name).ToJson())],
            cancellationToken).ConfigureAwait(false);
        return announced.Succeeded
            ? $"{key} at revision {revision}"
            : throw new PgClusterException(Reason.LockLost, "the lock was gone before the operation could be announced");
    }

    private async Task<string> UnlockAsync(CancellationToken cancellationToken)
    {
        if (_token is null)
        {
            return "was not held";
        }

        // A decision left at Running would let a forgotten agent wait for its expiry.
        if (Promotion is null)
        {
            await AbandonAsync(cancellationToken).ConfigureAwait(false);
        }

        if (_lock is { } held)
        {
            _lock = null;
            await held.DisposeAsync().ConfigureAwait(false);
        }

        return "given back";
    }

    private async Task<string> RecheckAsync(CancellationToken cancellationToken)
    {
        var published = await _store.GetAsync(_keys.Primary, cancellationToken).ConfigureAwait(false);
        if ((published?.ModRevision ?? 0) != _plan.Revision)
        {
            throw new PgClusterException(Reason.PlanStale, $"the primary was published anew (now {published?.Value ?? "nobody"}) after the plan was made");
        }

        // The plan pauses and re-points poolers exactly when they lead to this cluster.
        var redirect = Redirect.FromJson((await _store.GetAsync(StoreKeys.Redirect, cancellationToken).ConfigureAwait(false))?.Value);
        if ((redirect is { State: RedirectState.Active }) != _plan.Checks.Any(c => c.Name == FailoverPlanner.ClientsElsewhere))
        {
            throw new PgClusterException(Reason.PlanStale, $"the clients were led to {redirect?.ToString() ?? "the primary"} after the plan was made");
        }

        _poolers = await PoolerGroup.FindAsync(_store, _peers, _config, cancellationToken).ConfigureAwait(false);

        var target = _peers.Node(_target.Name).GetStatusAsync(cancellationToken);
        if (!_plan.Forced)
        {
            var primary = (await _peers.Node(_plan.From!).GetStatusAsync(cancellationToken).ConfigureAwait(false)).Postgres;
            if (primary is not { Role: NodeRole.Primary, State: NodeState.Running })
            {
                throw new PgClusterException(Reason.PlanStale, $"{_plan.From} is {primary.Role} and {primary.State} now") { Target = _plan.From };
            }
        }

        var server = (await target.ConfigureAwait(false)).Postgres;
        var ready = server.State == NodeState.Running || (_plan.Forced && server.State == NodeState.NotStreaming);
        return server.Role == NodeRole.Standby && ready
            ? string.Create(CultureInfo.InvariantCulture, $"revision {_plan.Revision}, {_target.Name} has replayed {server.ReplayLsn}")
            : throw new PgClusterException(Reason.PlanStale, $"{_target.Name} is {server.Role} and {server.State} now: {server.Evidence}") { Target = _target.Name };
    }

    private async Task<string> CheckpointAsync(CancellationToken cancellationToken)
    {
        await _peers.Node(_plan.From!).CheckpointAsync(Token, cancellationToken).ConfigureAwait(false);
        return "";
    }

    private async Task<string> PauseAsync(string[] poolers, CancellationToken cancellationToken)
    {
        _pausedAt = _time.GetTimestamp();
        _migrateBudget.CancelAfter(Options.PauseTimeout + Options.MigrateTimeout);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var terminate = _request.BlockerPolicy == BlockerPolicy.Terminate && !_plan.Forced ? TerminateBlockersAsync(over.Token, cancellationToken) : Task.FromResult(0);
        try
        {
            await Poolers.PauseAsync(poolers, _plan.Id, _request.Actor, Options, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
        }

        var terminated = await terminate.ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture, $"{poolers.Length} poolers, each for {Options.PauseExpiry.TotalSeconds:0.###} s at most{(terminated > 0 ? $"; {terminated} sessions terminated" : "")}");
    }

    /// <summary>Terminates what is still open after half of the pause's time, and says how many sessions that were.</summary>
    /// <param name="paused">Ends the wait: every pooler was paused before it came to that.</param>
    /// <param name="cancellationToken">Ends the call too; the pause, whose end the first session's death may be, does not, or the count would be lost.</param>
    private async Task<int> TerminateBlockersAsync(CancellationToken paused, CancellationToken cancellationToken)
    {
        var agent = _peers.Node(_plan.From!);
        IReadOnlyList<PauseBlocker> blockers;
        try
        {
            await Task.Delay(Options.PauseTimeout / 2, _time, paused).ConfigureAwait(false);
            blockers = await agent.GetOpenTransactionsAsync(Options.PauseTimeout / 2, paused).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return 0;
        }

        return blockers.Count == 0 ? 0 : await agent.TerminateSessionsAsync(Token, [.. blockers.Select(b => b.Pid)], cancellationToken).ConfigureAwait(false);
    }

    private async Task<string> ResumeAsync(string[] poolers, CancellationToken cancellationToken)
    {
        await Poolers.ResumeAsync(poolers, _plan.Id, cancellationToken).ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture, $"{poolers.Length} poolers, {_time.GetElapsedTime(_pausedAt).TotalMilliseconds:0} ms after the pause began");
    }

    private async Task<string> StopAsync(CancellationToken cancellationToken)
    {
        var left = Options.PauseExpiry - (_pausedAt == 0 ? TimeSpan.Zero : _time.GetElapsedTime(_pausedAt));
        Shutdown = await _peers.Node(_plan.From!).StopPrimaryAsync(Token, _target.Name, left, cancellationToken).ConfigureAwait(false);
        return Shutdown.Clean
            ? string.Create(CultureInfo.InvariantCulture, $"shutdown checkpoint at {Shutdown.CheckpointLsn}, timeline {Shutdown.Timeline}")
            : throw new PgClusterException(Reason.PostgresUnavailable, $"{_plan.From} did not shut down cleanly") { Target = _plan.From };
    }

    private async Task<string> RestartAsync(CancellationToken cancellationToken)
    {
        await _peers.Node(_plan.From!).RestartPrimaryAsync(Token, cancellationToken).ConfigureAwait(false);
        return $"{_plan.From} is the primary again";
    }

    private async Task<string> ProveAsync(CancellationToken cancellationToken)
    {
        var replayed = await _peers.Node(_target.Name).WaitForReplayAsync(Shutdown!.CheckpointLsn, cancellationToken).ConfigureAwait(false);
        return $"{_target.Name} has replayed {replayed}, past {Shutdown.CheckpointLsn}";
    }

    private async Task<string> PromoteAsync(CancellationToken cancellationToken)
    {
        try
        {
            Promotion = await _peers.Node(_target.Name).PromoteAsync(Token, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not PgClusterException { Reason: Reason.PlanStale or Reason.LockLost })
        {
            // Whether the agent decided before it went silent is not known. Deciding for the old primary settles it either way.
            using var budget = new CancellationTokenSource(Options.LockTimeout, _time);
            if (await AbandonAsync(budget.Token).ConfigureAwait(false))
            {
                throw new PgClusterException(Reason.PlanStale, $"{_target.Name} was not promoted, and the operation was abandoned: {e.Message}", e) { Target = _target.Name };
            }

            throw;
        }

        return string.Create(CultureInfo.InvariantCulture, $"timeline {Promotion.Timeline}, writable after {Promotion.PromotedMs:0} ms, published after {Promotion.PublishedMs:0.0} ms more");
    }

    /// <summary>Decides for the old primary. False when the target was decided for already.</summary>
    private async Task<bool> AbandonAsync(CancellationToken cancellationToken) =>
        (await DecisionLog.DecideAsync(_store, _plan.Id, DecisionState.Abandoned, 0, [], cancellationToken).ConfigureAwait(false)).State == DecisionState.Abandoned;

    private async Task<string> ConfirmPublishedAsync(CancellationToken cancellationToken)
    {
        var expected = new PrimaryAddress(_target.Host, _target.Port).ToString();
        while (true)
        {
            var entry = await _store.GetAsync(_keys.Primary, cancellationToken).ConfigureAwait(false);
            if (entry?.Value == expected)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{expected} at revision {entry.ModRevision}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<string> RepointAsync(string[] poolers, CancellationToken cancellationToken)
    {
        await Poolers.ConfirmTargetAsync(poolers, new PoolerTarget(new PrimaryAddress(_target.Host, _target.Port)), cancellationToken).ConfigureAwait(false);
        return $"{poolers.Length} poolers lead to {_target.Name}";
    }

    private async Task<string> CascadeAsync(string[] nodes, CancellationToken cancellationToken)
    {
        // It only makes the gap shorter: a standby that cannot cascade soon follows after the promotion like any other.
        using var budget = new CancellationTokenSource(Options.FollowTimeout / 6, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        try
        {
            return await FollowAsync(nodes, _target.Name, linked.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return $"left as it was: {e.Message}; {await FollowAsync(nodes, _plan.From!, cancellationToken).ConfigureAwait(false)}";
        }
    }

    private async Task<string> FollowAsync(string[] nodes, string upstreamName, CancellationToken cancellationToken)
    {
        var node = _config.Nodes.First(n => n.Name == upstreamName);
        var upstream = new UpstreamAddress(node.Name, node.Host, node.Port);
        var left = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
        await AtOnce.EachAsync(nodes, async name =>
        {
            try
            {
                await _peers.Node(name).FollowAsync(Token, upstream, cancellationToken).ConfigureAwait(false);
            }
            catch (PgClusterException e) when (e.Reason == Reason.AgentUnreachable)
            {
                // Whoever took a node out of service may have switched it off since the plan was made.
                if (!(await NodeSuspensions.ReadAsync(_store, cancellationToken).ConfigureAwait(false)).TryGetValue(name, out var suspension))
                {
                    throw;
                }

                left[name] = $"; {name}, {suspension}, does not answer";
            }
        }).ConfigureAwait(false);
        return $"{(left.Count == nodes.Length ? "none" : string.Join(", ", nodes.Except(left.Keys)))} stream from {node.Name}{string.Concat(left.Values)}";
    }
}
