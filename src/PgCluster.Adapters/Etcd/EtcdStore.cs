using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Etcd.Wire;
using PgCluster.Adapters.Grpc;
using PgCluster.Engine.Store;

namespace PgCluster.Adapters.Etcd;

/// <summary>
/// The cluster's store in etcd 3.4 or later. Every read is linearizable, every write is guarded (<see cref="GuardedWriter"/>). Several members may be named:
/// a call that one does not answer soon goes to the next.
/// </summary>
public sealed class EtcdStore : IClusterStore
{
    private readonly ConcurrentDictionary<IAsyncDisposable, byte> _open = new();
    private readonly ConcurrentDictionary<long, byte> _ownLeases = new();
    private readonly GuardedWriter _writer;
    private int _disposed;

    /// <summary>Makes a store; connects with the first call.</summary>
    /// <param name="options">Where etcd is and how to speak to it.</param>
    /// <param name="time">The clock that leases, deadlines and pauses go by.</param>
    /// <param name="logger">Told about failed tries, broken watches and lost leases.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>: an option or a certificate file cannot be used.</exception>
    public EtcdStore(EtcdOptions options, TimeProvider time, ILogger logger)
    {
        Client = new EtcdClient(options.Validate(), time, logger);
        _writer = new GuardedWriter(Client, _ownLeases.ContainsKey);
    }

    /// <summary>The calls below.</summary>
    internal EtcdClient Client { get; }

    /// <summary>Makes a store and returns when it answers.</summary>
    /// <exception cref="PgClusterException">It does not, or refuses the user; or see the constructor.</exception>
    public static async Task<EtcdStore> ConnectAsync(
        EtcdOptions options, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        var store = new EtcdStore(options, time, logger);
        try
        {
            await store.ReadRevisionAsync(cancellationToken).ConfigureAwait(false);
            return store;
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<StoreEntry?> GetAsync(string key, CancellationToken cancellationToken)
    {
        var response = await CallAsync(
            EtcdMethods.Range, new RangeRequest { Key = Client.Keys.ToWire(key) }, cancellationToken).ConfigureAwait(false);
        return response.Kvs.Count == 0 ? null : ToEntry(response.Kvs[0]);
    }

    /// <inheritdoc/>
    public async Task<StoreRange> ListAsync(string prefix, CancellationToken cancellationToken)
    {
        var (first, end) = Client.Keys.ToRange(prefix);
        var response = await CallAsync(EtcdMethods.Range, new RangeRequest { Key = first, RangeEnd = end }, cancellationToken).ConfigureAwait(false);
        return new StoreRange([.. response.Kvs.Select(ToEntry)], response.Header.Revision);
    }

    /// <inheritdoc/>
    /// <exception cref="PgClusterException"><see cref="Reason.LockLost"/>: the lease has ended. Otherwise as the port says.</exception>
    public async Task<long> PutAsync(string key, string value, IStoreLease? lease, CancellationToken cancellationToken)
    {
        var write = await WriteAsync([new StoreOperation.Put(key, value, lease)], [], _ => true, cancellationToken).ConfigureAwait(false);
        return write.After?[key].ModRevision ?? write.Revision;
    }

    /// <inheritdoc/>
    public async Task<bool> DeleteAsync(string key, CancellationToken cancellationToken)
    {
        var write = await WriteAsync([new StoreOperation.Delete(key)], [], keys => keys[key].Exists, cancellationToken).ConfigureAwait(false);
        return write.Written;
    }

    /// <inheritdoc/>
    public async Task<StoreUpdate> CompareAndUpdateAsync(string key, string value, CancellationToken cancellationToken)
    {
        var write = await WriteAsync(
            [new StoreOperation.Put(key, value)], [], keys => keys[key].Value != value, cancellationToken).ConfigureAwait(false);
        if (!write.Written)
        {
            return new StoreUpdate(false, write.Before[key].ToEntry(key));
        }

        var before = write.Before[key];
        var entry = write.After?[key].ToEntry(key)
            ?? new StoreEntry(key, value, before.Exists ? before.CreateRevision : write.Revision, write.Revision, before.Version + 1);
        return new StoreUpdate(true, entry);
    }

    /// <inheritdoc/>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.StoreUnavailable"/> also when the answer was lost and the keys do not tell whether the transaction was done: see
    /// <see cref="GuardedWriter"/>. <see cref="Reason.LockLost"/>: a lease has ended. <see cref="Reason.InvalidArgument"/>: no operation, or two on
    /// one key. Otherwise as the port says.
    /// </exception>
    public async Task<StoreCommit> CommitAsync(
        IReadOnlyList<StoreCondition> conditions, IReadOnlyList<StoreOperation> operations, CancellationToken cancellationToken)
    {
        if (operations.Count == 0 || operations.DistinctBy(operation => operation.Key).Count() != operations.Count)
        {
            throw new PgClusterException(Reason.InvalidArgument, "A transaction of the store needs at least one operation, and at most one for a key.");
        }

        var write = await WriteAsync(operations, conditions, keys => keys.Satisfies(conditions), cancellationToken).ConfigureAwait(false);
        return new StoreCommit(write.Written, write.Revision);
    }

    /// <inheritdoc/>
    public async Task<IStoreLease> GrantLeaseAsync(TimeSpan timeToLive, CancellationToken cancellationToken) =>
        await GrantAsync(timeToLive, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<IStoreWatch> WatchAsync(string key, bool isPrefix, long fromRevision, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        var watch = await EtcdWatch.OpenAsync(Client, key, isPrefix, fromRevision, ended => _open.TryRemove(ended, out _), cancellationToken)
            .ConfigureAwait(false);
        _open[watch] = 0;
        return watch;
    }

    /// <inheritdoc/>
    public async Task<IStoreLock> AcquireLockAsync(
        string prefix, LockHolder holder, TimeSpan timeToLive, TimeSpan timeout, CancellationToken cancellationToken) =>
        await EtcdLock.AcquireAsync(this, prefix, holder, timeToLive, timeout, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<StoreLockState?> GetLockAsync(string prefix, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return EtcdLock.FindOwnerAsync(Client, prefix, cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<StoreHealth> GetHealthAsync(CancellationToken cancellationToken)
    {
        var quorum = AskQuorumAsync(cancellationToken);
        var endpoints = await Task.WhenAll(Client.Endpoints.Select(endpoint => AskAsync(endpoint, cancellationToken))).ConfigureAwait(false);
        var revision = await quorum.ConfigureAwait(false);
        return new StoreHealth(revision > 0, revision, endpoints);
    }

    /// <summary>Ends every watch and lease that is still open, then the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await Task.WhenAll(_open.Keys.Select(open => open.DisposeAsync().AsTask())).ConfigureAwait(false);
        Client.Dispose();
    }

    /// <summary>As <see cref="GrantLeaseAsync"/>, for the lock.</summary>
    internal async Task<EtcdLease> GrantAsync(TimeSpan timeToLive, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        if (timeToLive <= TimeSpan.Zero)
        {
            throw new PgClusterException(Reason.InvalidArgument, "A lease must be longer than zero.");
        }

        var lease = await EtcdLease.GrantAsync(Client, timeToLive, Forget, cancellationToken).ConfigureAwait(false);
        _ownLeases[lease.Id] = 0;
        _open[lease] = 0;
        return lease;

        void Forget(EtcdLease ended)
        {
            _ownLeases.TryRemove(ended.Id, out _);
            _open.TryRemove(ended, out _);
        }
    }

    private StoreEntry ToEntry(KeyValue kv) =>
        new(Client.Keys.FromWire(kv.Key), kv.Value.ToStringUtf8(), kv.CreateRevision, kv.ModRevision, kv.Version);

    private Task<TResponse> CallAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, CancellationToken cancellationToken)
        where TRequest : Google.Protobuf.IMessage<TRequest>
        where TResponse : class, Google.Protobuf.IMessage<TResponse>, new()
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return Client.CallAsync(method, request, Client.StartBudget(cancellationToken));
    }

    private Task<GuardedWrite> WriteAsync(
        IReadOnlyList<StoreOperation> operations,
        IReadOnlyList<StoreCondition> conditions,
        Func<KeySnapshot, bool> wanted,
        CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return _writer.WriteAsync(operations, conditions, wanted, Client.StartBudget(cancellationToken));
    }

    private async Task<long> ReadRevisionAsync(CancellationToken cancellationToken)
    {
        var response = await CallAsync(
            EtcdMethods.Range, new RangeRequest { Key = Client.Keys.ToWire("/"), KeysOnly = true }, cancellationToken).ConfigureAwait(false);
        return response.Header.Revision;
    }

    private async Task<long> AskQuorumAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await ReadRevisionAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException e) when (e.Reason is Reason.StoreUnavailable or Reason.NoQuorum)
        {
            return 0;
        }
    }

    private async Task<StoreEndpointHealth> AskAsync(EtcdEndpoint endpoint, CancellationToken cancellationToken)
    {
        try
        {
            var status = await endpoint.GetStatusAsync(Client.Options.Timeout, cancellationToken).ConfigureAwait(false);
            var isLeader = status.Leader != 0 && status.Leader == status.Header.MemberId;
            return new StoreEndpointHealth(
                endpoint.Name, status.Leader != 0, isLeader, status.Version, status.Leader == 0 ? "knows no leader" : "");
        }
        catch (GrpcException e)
        {
            return new StoreEndpointHealth(endpoint.Name, false, false, "", EtcdErrors.Describe(e));
        }
    }
}
