using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Switchover;

/// <summary>
/// The clients' way through the poolers of a cluster, led to another database or, on the way back, to the cluster's primary again. For one caller
/// at a time. Disposing resumes the poolers and gives the lock back; what was announced and not switched it leaves to the primary's agent, which
/// looks whether the pointer was flipped: a caller that goes down may not know.
/// </summary>
public sealed class PoolerRoute : IClientRoute
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(50);

    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;
    private readonly Redirect _redirect;
    private readonly string _holder;
    private readonly bool _back;
    private readonly StoreKeys _keys;
    private readonly string _leaseId;
    private readonly CancellationTokenSource _stopLost;
    private PoolerGroup? _poolers;
    private IStoreLock? _lock;
    private Redirect? _standing;
    private bool _announced;
    private bool _stopped;
    private bool _switched;
    private long _stoppedAt;
    private CancellationTokenRegistration _lockLost;

    /// <summary>Makes a route; nothing happens before <see cref="PrepareAsync"/>.</summary>
    /// <param name="store">The cluster's store.</param>
    /// <param name="peers">The way to its keepers.</param>
    /// <param name="config">The cluster; its failover budgets bound the stop.</param>
    /// <param name="time">The clock.</param>
    /// <param name="redirect">Where to; on the way back, where clients are led now. Its state does not count.</param>
    /// <param name="holder">user@host of who asks.</param>
    /// <param name="back">True for the way back to the cluster's primary.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: no pooler could lead there.</exception>
    public PoolerRoute(IClusterStore store, IClusterPeers peers, ClusterConfig config, TimeProvider time, Redirect redirect, string holder, bool back)
    {
        if (!redirect.IsUsable)
        {
            throw new PgClusterException(
                Reason.InvalidArgument, "a route for clients needs a host name or address, a port from 1 to 65535, and the names of both databases");
        }

        _store = store;
        _peers = peers;
        _config = config;
        _time = time;
        _redirect = redirect with { State = RedirectState.Pending };
        _holder = holder;
        _back = back;
        _keys = new StoreKeys(config.Etcd.PrimaryKey);
        _leaseId = redirect.RunId.ToString("n");
        _stopLost = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
    }

    /// <inheritdoc/>
    public CancellationToken StopLost => _stopLost.Token;

    private PoolerGroup Poolers => _poolers ?? throw new InvalidOperationException("prepare comes first");

    /// <summary>
    /// Takes the cluster's lock, so that no failover happens meanwhile, looks at every pooler, announces the redirect, and waits until every proxy has
    /// tried it on paper.
    /// </summary>
    /// <inheritdoc/>
    public async Task<string> PrepareAsync(CancellationToken cancellationToken)
    {
        _lock ??= await _store.AcquireLockAsync(
            _keys.Lock,
            new LockHolder(_holder, _back ? $"switchover back from {_redirect}" : $"switchover of {_redirect.SourceDatabase} to {_redirect}"),
            _config.Failover.LockTtl, _config.Failover.LockTimeout, cancellationToken).ConfigureAwait(false);
        _poolers = await PoolerGroup.FindAsync(_store, _peers, _config, cancellationToken).ConfigureAwait(false);
        if (_poolers.Names.Count == 0)
        {
            throw new PgClusterException(Reason.PoolerNotFound, $"cluster {_config.Name} has no pooler that its clients could be led by");
        }

        var entry = await _store.GetAsync(StoreKeys.Redirect, cancellationToken).ConfigureAwait(false);
        _standing = Redirect.FromJson(entry?.Value);
        if (_back)
        {
            if (_standing is not { State: RedirectState.Active } || _standing.Target != _redirect.Target)
            {
                throw new PgClusterException(Reason.PreflightFailed, $"the clients of {_config.Name} are not led to {_redirect} but to {Now(entry)}");
            }
        }
        else if (entry is not null && _standing?.RunId != _redirect.RunId && _standing is not { State: RedirectState.Pending })
        {
            throw new PgClusterException(Reason.PreflightFailed, $"the clients of {_config.Name} have left it already: they are led to {Now(entry)}");
        }

        await AtOnce.EachAsync(_poolers.Names, async name =>
        {
            var pooler = await _poolers.Keeper(name).GetAsync(cancellationToken).ConfigureAwait(false);
            if (pooler.State != PoolerState.Active)
            {
                throw new PgClusterException(Reason.PreflightFailed, $"it is {pooler.State} already: {pooler.Evidence}") { Target = name };
            }

            if (pooler.IsPgcm)
            {
                throw new PgClusterException(Reason.ForeignAgent, "pgsql-cluster-manager's agent keeps it, and its proxy follows the primary only") { Target = name };
            }
        }).ConfigureAwait(false);
        if (_back || _standing is { State: RedirectState.Active })
        {
            return $"{_poolers.Names.Count} poolers lead to {_redirect}";
        }

        // What an earlier run left pending is replaced: the pointer in the source database names this run by now.
        _announced = true;
        var announced = await _store.CommitAsync(
            [new StoreCondition.CreateRevisionIs(_lock.Key, _lock.CreateRevision), RedirectRecord.Unchanged(entry)],
            [new StoreOperation.Put(StoreKeys.Redirect, _redirect.ToJson())], cancellationToken).ConfigureAwait(false);
        if (!announced.Succeeded)
        {
            throw new PgClusterException(Reason.LockLost, "the lock was gone, or the redirect changed, before it could be announced");
        }

        await WaitForRehearsalAsync(cancellationToken).ConfigureAwait(false);
        return $"{_poolers.Names.Count} poolers could be led to {_redirect}";
    }

    /// <summary>
    /// Pauses every pooler at once under leases. From here <c>failover.pause_timeout + failover.migrate_timeout</c> bounds everything up to the flip.
    /// </summary>
    /// <inheritdoc/>
    public async Task<string> StopAsync(CancellationToken cancellationToken)
    {
        var held = _lock ?? throw new InvalidOperationException("prepare comes first");
        var options = _config.Failover;
        _stopped = true;
        _stoppedAt = _time.GetTimestamp();

        // Counted from before the keepers count: it is over before the first of them lets clients through.
        _stopLost.CancelAfter(options.PauseTimeout + options.MigrateTimeout);
        _lockLost = held.Lost.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _stopLost);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopLost.Token);
        try
        {
            await Poolers.PauseAsync(Poolers.Names, _leaseId, _holder, options, linked.Token).ConfigureAwait(false);
            linked.Token.ThrowIfCancellationRequested();
        }
        catch (OperationCanceledException e) when (held.Lost.IsCancellationRequested)
        {
            throw new PgClusterException(Reason.LockLost, "the lease of the cluster's lock ended", e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PgClusterException(Reason.StepTimeout, "pause_timeout + migrate_timeout are over and not every pooler is paused", e);
        }

        return string.Create(
            CultureInfo.InvariantCulture, $"{Poolers.Names.Count} poolers paused, each for {options.PauseExpiry.TotalSeconds:0.###} s at most");
    }

    /// <summary>Puts the redirect into force, or takes it away on the way back, and returns when every pooler itself says that it leads there.</summary>
    /// <inheritdoc/>
    public async Task<string> SwitchAsync(CancellationToken cancellationToken)
    {
        // Before anything can fail: the pointer is flipped, so from here on the announcement must not be taken back.
        _switched = true;
        if (!_back)
        {
            var revision = await RedirectRecord.ActivateAsync(_store, _redirect, cancellationToken).ConfigureAwait(false);
            await Poolers.ConfirmTargetAsync(Poolers.Names, _redirect.Target, cancellationToken).ConfigureAwait(false);
            return string.Create(CultureInfo.InvariantCulture, $"{Poolers.Names.Count} poolers lead to {_redirect} since revision {revision}");
        }

        await RedirectRecord.RemoveAsync(_store, _standing!.RunId, RedirectState.Active, cancellationToken).ConfigureAwait(false);
        var published = await _store.GetAsync(_keys.Primary, cancellationToken).ConfigureAwait(false);
        if (!PrimaryAddress.TryParse(published?.Value, out var primary))
        {
            throw new PgClusterException(Reason.NoPrimary, $"cluster {_config.Name} publishes no primary that clients could go back to");
        }

        var target = new PoolerTarget(primary, null, _redirect.Database == _redirect.SourceDatabase ? null : _redirect.Database);
        await Poolers.ConfirmTargetAsync(Poolers.Names, target, cancellationToken).ConfigureAwait(false);
        return $"{Poolers.Names.Count} poolers lead to the primary, {target}";
    }

    /// <summary>Takes back what was announced and not switched, resumes every pooler and gives the lock back; tries all of it whatever fails.</summary>
    /// <inheritdoc/>
    public async Task<string> ReleaseAsync(CancellationToken cancellationToken)
    {
        var done = new List<string>();
        PgClusterException? error = null;
        await TryAsync(_announced && !_switched, async () =>
        {
            done.Add(await RedirectRecord.RemoveAsync(_store, _redirect.RunId, RedirectState.Pending, cancellationToken).ConfigureAwait(false)
                ? "announcement taken back" : "no announcement to take back");
            _announced = false;
        }).ConfigureAwait(false);
        await TryAsync(_stopped, () => ResumeAsync(done, cancellationToken)).ConfigureAwait(false);
        await TryAsync(_lock is not null, () => UnlockAsync(done)).ConfigureAwait(false);
        return error is null ? string.Join(", ", done) : throw error;

        async Task TryAsync(bool needed, Func<Task> action)
        {
            try
            {
                await (needed ? action() : Task.CompletedTask).ConfigureAwait(false);
            }
            catch (PgClusterException e)
            {
                error ??= e;
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        using var budget = new CancellationTokenSource(_config.Failover.UndoTimeout, _time);
        await (_stopped ? ResumeAsync([], budget.Token) : Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await (_lock is null ? Task.CompletedTask : UnlockAsync([])).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _lockLost.DisposeAsync().ConfigureAwait(false);
        _stopLost.Dispose();
    }

    private static string Now(StoreEntry? entry) => entry is null ? "the primary" : Redirect.FromJson(entry.Value) switch
    {
        null => "a place that this version cannot read",
        { State: RedirectState.Pending } pending => $"the primary, with {pending} announced by run {pending.RunId}",
        var active => $"{active} by run {active.RunId}",
    };

    private async Task WaitForRehearsalAsync(CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        var patience = _config.Proxy.PoolerTimeout + _config.Proxy.GetTimeout;
        while (true)
        {
            var reports = (await _store.ListAsync(StoreKeys.Proxies, cancellationToken).ConfigureAwait(false)).Entries
                .Select(e => ProxyReport.FromJson(e.Value)).OfType<ProxyReport>().ToDictionary(r => r.Pooler, StringComparer.Ordinal);
            var rehearsed = reports.Values.Where(r => r.Rehearsed == _redirect.RunId).ToArray();
            if (rehearsed.FirstOrDefault(r => r.Objection is not null) is { } objector)
            {
                throw new PgClusterException(
                    Reason.PreflightFailed, $"pooler {objector.Pooler} could not be led to {_redirect}: {objector.Objection}") { Target = objector.Pooler };
            }

            var silent = Poolers.Names.Except(rehearsed.Select(r => r.Pooler), StringComparer.Ordinal).ToArray();
            if (silent.Length == 0)
            {
                return;
            }

            if (_time.GetElapsedTime(began) > patience)
            {
                var why = string.Join("; ", silent.Select(name => $"{name}: {(reports.TryGetValue(name, out var report)
                    ? report.Error ?? $"its proxy, version {report.Version}, does not try"
                    : "no proxy is alive")}"));
                throw new PgClusterException(Reason.PoolerUnreachable, $"not every pooler could be led to {_redirect}: {why}") { Target = silent[0] };
            }

            await Task.Delay(LookInterval, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ResumeAsync(List<string> done, CancellationToken cancellationToken)
    {
        await Poolers.ResumeAsync(Poolers.Names, _leaseId, cancellationToken).ConfigureAwait(false);
        _stopped = false;
        done.Add(string.Create(
            CultureInfo.InvariantCulture,
            $"{Poolers.Names.Count} poolers resumed, {_time.GetElapsedTime(_stoppedAt).TotalMilliseconds:0} ms after the pause began"));
    }

    private async Task UnlockAsync(List<string> done)
    {
        var held = _lock!;
        _lock = null;
        await _lockLost.DisposeAsync().ConfigureAwait(false);
        await held.DisposeAsync().ConfigureAwait(false);
        done.Add("lock given back");
    }
}
