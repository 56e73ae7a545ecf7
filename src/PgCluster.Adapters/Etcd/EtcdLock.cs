using System.Globalization;
using PgCluster.Adapters.Etcd.Wire;
using PgCluster.Engine.Store;

namespace PgCluster.Adapters.Etcd;

/// <summary>
/// The lock as etcd's own concurrency package lays it out: a key for each who wants it, named after its lease; the one that was created first
/// holds it; each waits for the one just before it, so that a release wakes one and not all.
/// </summary>
internal sealed class EtcdLock : IStoreLock
{
    private readonly EtcdStore _store;
    private readonly EtcdLease _lease;
    private readonly IStoreWatch _watch;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _lost;
    private readonly Task _guard;
    private int _disposed;

    private EtcdLock(EtcdStore store, EtcdLease lease, string key, long createRevision, IStoreWatch watch)
    {
        _store = store;
        _lease = lease;
        _watch = watch;
        Key = key;
        CreateRevision = createRevision;
        _lost = CancellationTokenSource.CreateLinkedTokenSource(lease.Lost);
        Lost = _lost.Token;
        _guard = Task.Run(GuardAsync);
    }

    /// <inheritdoc/>
    public string Key { get; }

    /// <inheritdoc/>
    public long CreateRevision { get; }

    /// <inheritdoc/>
    public CancellationToken Lost { get; }

    /// <summary>Queues for the lock and returns when it is held.</summary>
    public static async Task<EtcdLock> AcquireAsync(
        EtcdStore store,
        string prefix,
        LockHolder holder,
        TimeSpan timeToLive,
        TimeSpan timeout,
        CancellationToken cancellationToken)
    {
        if (!prefix.EndsWith('/'))
        {
            // Without it, the queue of "failover" would have those of "failover-test" in it.
            throw new PgClusterException(Reason.InvalidArgument, $"The lock prefix '{prefix}' does not end in a slash.");
        }

        using var patience = new CancellationTokenSource(timeout, store.Client.Time);
        var lease = await store.GrantAsync(timeToLive, cancellationToken).ConfigureAwait(false);
        try
        {
            var key = prefix + lease.Name;
            var place = await QueueAsync(store.Client, key, holder, lease, cancellationToken).ConfigureAwait(false);
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, lease.Lost, cancellationToken);
            while (await FindPredecessorAsync(store.Client, prefix, key, place, cancellationToken).ConfigureAwait(false) is { } ahead)
            {
                try
                {
                    await WaitForEndAsync(store, ahead, waiting.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
                {
                    if (lease.Lost.IsCancellationRequested)
                    {
                        throw PlaceLost(prefix);
                    }

                    // It may have become free in the very last moment; else this is who has it.
                    var owner = await store.GetLockAsync(prefix, cancellationToken).ConfigureAwait(false);
                    if (owner is not null && owner.CreateRevision < place)
                    {
                        throw Held(prefix, owner, timeout);
                    }
                }
            }

            var watch = await store.WatchAsync(key, isPrefix: false, place + 1, cancellationToken).ConfigureAwait(false);
            EtcdLog.LockAcquired(store.Client.Log, key, holder.Name, holder.Purpose);
            return new EtcdLock(store, lease, key, place, watch);
        }
        catch
        {
            // Takes the place in the queue with it: the next one must not wait for somebody who has left.
            await lease.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Who holds the lock.</summary>
    public static async Task<StoreLockState?> FindOwnerAsync(EtcdClient client, string prefix, CancellationToken cancellationToken)
    {
        var (first, end) = client.Keys.ToRange(prefix);
        var response = await client.CallAsync(
            EtcdMethods.Range,
            new RangeRequest
            {
                Key = first,
                RangeEnd = end,
                Limit = 1,
                SortTarget = RangeRequest.Types.SortTarget.Create,
                SortOrder = RangeRequest.Types.SortOrder.Ascend,
            },
            client.StartBudget(cancellationToken)).ConfigureAwait(false);
        return response.Kvs.Count == 0
            ? null
            : new StoreLockState(
                client.Keys.FromWire(response.Kvs[0].Key), response.Kvs[0].CreateRevision, LockRecord.Read(response.Kvs[0].Value));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await _guard.ConfigureAwait(false);
        await _watch.DisposeAsync().ConfigureAwait(false);

        // Its revocation deletes the key, and only this key.
        await _lease.DisposeAsync().ConfigureAwait(false);
        _lost.Dispose();
        _stop.Dispose();
    }

    // May be done twice: the key is named after our lease, and a second time finds it there.
    private static async Task<long> QueueAsync(
        EtcdClient client, string key, LockHolder holder, EtcdLease lease, CancellationToken cancellationToken)
    {
        var wireKey = client.Keys.ToWire(key);
        var request = new TxnRequest();
        request.Compare.Add(new Compare
        {
            Key = wireKey,
            Target = Compare.Types.CompareTarget.Create,
            Result = Compare.Types.CompareResult.Equal,
            CreateRevision = 0,
        });
        request.Success.Add(new RequestOp
        {
            RequestPut = new PutRequest { Key = wireKey, Value = LockRecord.Write(holder, client.Time.GetUtcNow()), Lease = lease.Id },
        });
        request.Failure.Add(new RequestOp { RequestRange = new RangeRequest { Key = wireKey } });
        var response = await client.CallAsync(EtcdMethods.Txn, request, client.StartBudget(cancellationToken)).ConfigureAwait(false);
        return response.Succeeded ? response.Header.Revision : response.Responses[0].ResponseRange.Kvs[0].CreateRevision;
    }

    /// <summary>The one just before our place, and the revision it was seen at; null when it is our turn.</summary>
    private static async Task<(string Key, long Revision)?> FindPredecessorAsync(
        EtcdClient client, string prefix, string key, long place, CancellationToken cancellationToken)
    {
        var (first, end) = client.Keys.ToRange(prefix);
        var request = new TxnRequest();
        request.Success.Add(new RequestOp
        {
            RequestRange = new RangeRequest
            {
                Key = first,
                RangeEnd = end,
                Limit = 1,
                MaxCreateRevision = place - 1,
                SortTarget = RangeRequest.Types.SortTarget.Create,
                SortOrder = RangeRequest.Types.SortOrder.Descend,
                KeysOnly = true,
            },
        });
        request.Success.Add(new RequestOp { RequestRange = new RangeRequest { Key = client.Keys.ToWire(key), KeysOnly = true } });
        var response = await client.CallAsync(EtcdMethods.Txn, request, client.StartBudget(cancellationToken)).ConfigureAwait(false);

        // Whose key was taken away while it waited would otherwise find nobody before it, and think the lock its own.
        var own = response.Responses[1].ResponseRange.Kvs;
        if (own.Count == 0 || own[0].CreateRevision != place)
        {
            throw PlaceLost(prefix);
        }

        var ahead = response.Responses[0].ResponseRange.Kvs;
        return ahead.Count == 0 ? null : (client.Keys.FromWire(ahead[0].Key), response.Header.Revision);
    }

    private static async Task WaitForEndAsync(EtcdStore store, (string Key, long Revision) ahead, CancellationToken cancellationToken)
    {
        var watch = await store.WatchAsync(ahead.Key, isPrefix: false, ahead.Revision + 1, cancellationToken).ConfigureAwait(false);
        await using var closing = watch.ConfigureAwait(false);
        await foreach (var change in watch.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            // After a gap the deletion may be in what is gone: the queue is read again.
            if (change is StoreEvent.Delete or StoreEvent.Gap)
            {
                return;
            }
        }
    }

    private static PgClusterException PlaceLost(string prefix) =>
        new(Reason.LockLost, $"The place in the queue for the lock {prefix} was lost: its lease ended or its key was deleted.");

    private static PgClusterException Held(string prefix, StoreLockState owner, TimeSpan waited)
    {
        var holder = owner.Holder.Name.Length == 0 ? $"another tool (key {owner.Key})" : $"{owner.Holder.Name} for {owner.Holder.Purpose}";
        return new PgClusterException(
            Reason.LockHeld,
            string.Create(CultureInfo.InvariantCulture, $"The lock {prefix} is held by {holder}; waited {waited.TotalSeconds:0.###} s for it."))
        {
            Target = owner.Holder.Name,
        };
    }

    private async Task GuardAsync()
    {
        try
        {
            await foreach (var change in _watch.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                if (change is StoreEvent.Delete || (change is StoreEvent.Gap && !await IsStillOursAsync().ConfigureAwait(false)))
                {
                    break;
                }
            }
        }
        catch (Exception) when (_stop.IsCancellationRequested)
        {
            // Given back.
        }
        catch (PgClusterException)
        {
            // Whoever may not look at the key any more cannot rely on it.
        }

        if (!_stop.IsCancellationRequested)
        {
            if (!Lost.IsCancellationRequested)
            {
                EtcdLog.LockLost(_store.Client.Log, Key);
            }

            await _lost.CancelAsync().ConfigureAwait(false);
        }
    }

    private async Task<bool> IsStillOursAsync()
    {
        while (true)
        {
            try
            {
                return await _store.GetAsync(Key, _stop.Token).ConfigureAwait(false) is { } entry && entry.CreateRevision == CreateRevision;
            }
            catch (PgClusterException e) when (e.Reason is Reason.StoreUnavailable or Reason.NoQuorum)
            {
                // The lease ends the wait if the store stays away.
                if (Lost.IsCancellationRequested)
                {
                    return false;
                }
            }
        }
    }
}
