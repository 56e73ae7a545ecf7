using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Failover;

/// <summary>What every failover does around the move itself, whoever the manager is: the lock, the look once more, the poolers, and the address that is published.</summary>
internal sealed class FailoverFrame : IAsyncDisposable
{
    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;
    private readonly OperationPlan _plan;
    private readonly FailoverRequest _request;

    // Everything between the first pause and the promotion shares one deadline, which lies before the keepers' expiry: else clients would be let
    // through to a primary that is gone.
    private readonly CancellationTokenSource _migrateBudget;
    private PoolerGroup? _poolers;
    private IStoreLock? _lock;
    private OperationToken? _token;
    private long _pausedAt;

    public FailoverFrame(
        IClusterStore store, IClusterPeers peers, ClusterConfig config, TimeProvider time, OperationPlan plan, FailoverRequest request)
    {
        _store = store;
        _peers = peers;
        _config = config;
        _time = time;
        _plan = plan;
        _request = request;
        Keys = new StoreKeys(config.Etcd.PrimaryKey);
        Target = config.Nodes.FirstOrDefault(n => n.Name == plan.To)
            ?? throw new PgClusterException(Reason.NodeNotFound, $"no node is named {plan.To}") { Target = plan.To };
        _migrateBudget = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
    }

    /// <summary>The node that is to be the primary.</summary>
    public NodeConfig Target { get; }

    public StoreKeys Keys { get; }

    /// <summary>What proves the lock to the agents.</summary>
    public OperationToken Token => _token ?? throw new InvalidOperationException("the lock comes first");

    /// <summary>True once the lock was taken.</summary>
    public bool WasLocked => _token is not null;

    /// <summary>What is left of the keepers' pause.</summary>
    public TimeSpan PauseLeft => Options.PauseExpiry - (_pausedAt == 0 ? TimeSpan.Zero : _time.GetElapsedTime(_pausedAt));

    private FailoverConfig Options => _config.Failover;

    private PoolerGroup Poolers => _poolers ?? throw new InvalidOperationException("the recheck comes first");

    /// <summary>The names that a step is about.</summary>
    public static string[] Names(PlanStep step) => step.Node.Split(',', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The steps that are the same for all managers; null for one that is not.</summary>
    public OperationStep? Step(PlanStep step) => step.Name switch
    {
        FailoverSteps.Checkpoint => new OperationStep(step, Guarded(CheckpointAsync)),
        FailoverSteps.Pause => new OperationStep(step, Guarded(ct => PauseAsync(Names(step), ct))) { UndoAsync = ct => ResumeAsync(Names(step), ct) },
        FailoverSteps.Publish => new OperationStep(step, ct => ConfirmPublishedAsync(Target, ct)) { TriesAgain = true },
        FailoverSteps.Repoint => new OperationStep(step, ct => RepointAsync(Names(step), Target, ct)),
        FailoverSteps.Resume => new OperationStep(step, ct => ResumeAsync(Names(step), ct)) { TriesAgain = true },
        _ => null,
    };

    /// <summary>Ends a step as soon as the lock is lost or the shared deadline is over, and says which.</summary>
    public Func<CancellationToken, Task<string>> Guarded(Func<CancellationToken, Task<string>> step) => async cancellationToken =>
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

    /// <summary>Takes the lock, or makes sure that the caller holds it.</summary>
    public async Task<string> LockAsync(CancellationToken cancellationToken)
    {
        string key;
        long revision;
        if (_request.HeldLockKey is { } held)
        {
            var owner = await _store.GetLockAsync(Keys.Lock, cancellationToken).ConfigureAwait(false);
            if (owner?.Key != held)
            {
                throw new PgClusterException(Reason.LockLost, $"the caller's lock {held} does not hold the cluster");
            }

            (key, revision) = (owner.Key, owner.CreateRevision);
        }
        else
        {
            _lock = await _store.AcquireLockAsync(
                Keys.Lock, new LockHolder(_request.Actor, $"{_plan.Kind} to {_plan.To}"), Options.LockTtl, Options.LockTimeout, cancellationToken).ConfigureAwait(false);
            (key, revision) = (_lock.Key, _lock.CreateRevision);
        }

        _token = new OperationToken(_plan.Id, key, revision);
        return string.Create(CultureInfo.InvariantCulture, $"{key} at revision {revision}");
    }

    /// <summary>Gives the lock back, where it was taken here.</summary>
    public async Task<string> UnlockAsync(CancellationToken cancellationToken)
    {
        var wasLocked = WasLocked;
        await DisposeLockAsync().ConfigureAwait(false);
        return wasLocked ? "given back" : "was not held";
    }

    /// <summary>Refuses a plan that was made before the primary was published anew, or before the clients were led elsewhere or back.</summary>
    public async Task RecheckAsync(CancellationToken cancellationToken)
    {
        var published = await _store.GetAsync(Keys.Primary, cancellationToken).ConfigureAwait(false);
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
    }

    /// <summary>Refuses a plan whose primary is none any more.</summary>
    public async Task RecheckPrimaryAsync(CancellationToken cancellationToken)
    {
        var primary = (await _peers.Node(_plan.From!).GetStatusAsync(cancellationToken).ConfigureAwait(false)).Postgres;
        if (primary is not { Role: NodeRole.Primary, State: NodeState.Running })
        {
            throw new PgClusterException(Reason.PlanStale, $"{_plan.From} is {primary.Role} and {primary.State} now") { Target = _plan.From };
        }
    }

    /// <summary>Waits until the store names that node, and every pooler of the plan leads to it: whoever is the primary when a move is undone.</summary>
    public async Task<string> LeadToAsync(NodeConfig node, CancellationToken cancellationToken)
    {
        await ConfirmPublishedAsync(node, cancellationToken).ConfigureAwait(false);
        return _plan.Steps.FirstOrDefault(s => s.Name == FailoverSteps.Repoint) is { } repoint
            ? await RepointAsync(Names(repoint), node, cancellationToken).ConfigureAwait(false)
            : $"the store names {node.Name}";
    }

    public async ValueTask DisposeAsync()
    {
        _migrateBudget.Dispose();
        await DisposeLockAsync().ConfigureAwait(false);
    }

    private async Task DisposeLockAsync()
    {
        if (_lock is { } held)
        {
            _lock = null;
            await held.DisposeAsync().ConfigureAwait(false);
        }
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
        catch (PgClusterException e) when (e.Reason == Reason.ForeignAgent)
        {
            // The plan has said that nobody sees them.
            return 0;
        }

        return blockers.Count == 0 ? 0 : await agent.TerminateSessionsAsync(Token, [.. blockers.Select(b => b.Pid)], cancellationToken).ConfigureAwait(false);
    }

    private async Task<string> ResumeAsync(string[] poolers, CancellationToken cancellationToken)
    {
        await Poolers.ResumeAsync(poolers, _plan.Id, cancellationToken).ConfigureAwait(false);
        return string.Create(CultureInfo.InvariantCulture, $"{poolers.Length} poolers, {_time.GetElapsedTime(_pausedAt).TotalMilliseconds:0} ms after the pause began");
    }

    private async Task<string> RepointAsync(string[] poolers, NodeConfig node, CancellationToken cancellationToken)
    {
        var unseen = await Poolers.ConfirmTargetAsync(poolers, new PoolerTarget(new PrimaryAddress(node.Host, node.Port)), cancellationToken).ConfigureAwait(false);
        var confirmed = $"{poolers.Length - unseen.Count} poolers lead to {node.Name}";
        return unseen.Count == 0 ? confirmed : $"{confirmed}; of {string.Join(", ", unseen)} pgsql-cluster-manager's agent does not say it";
    }

    private async Task<string> ConfirmPublishedAsync(NodeConfig node, CancellationToken cancellationToken)
    {
        var expected = new PrimaryAddress(node.Host, node.Port).ToString();
        while (true)
        {
            var entry = await _store.GetAsync(Keys.Primary, cancellationToken).ConfigureAwait(false);
            if (entry?.Value == expected)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{expected} at revision {entry.ModRevision}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), _time, cancellationToken).ConfigureAwait(false);
        }
    }
}
