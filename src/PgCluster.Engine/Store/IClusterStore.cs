namespace PgCluster.Engine.Store;

/// <summary>
/// Where a cluster agrees: a linearizable key-value store with revisions, leases and watches (etcd). Keys are relative to the
/// cluster's namespace. Every method throws <see cref="PgClusterException"/> with <see cref="Reason.StoreUnavailable"/>,
/// <see cref="Reason.NoQuorum"/> or <see cref="Reason.AccessDenied"/> when the store cannot answer within its timeout.
/// </summary>
public interface IClusterStore : IAsyncDisposable
{
    /// <summary>Reads one key; null when it is absent.</summary>
    Task<StoreEntry?> GetAsync(string key, CancellationToken cancellationToken);

    /// <summary>Reads every key that begins with <paramref name="prefix"/>, ordered by key, with the revision of the reading.</summary>
    Task<StoreRange> ListAsync(string prefix, CancellationToken cancellationToken);

    /// <summary>Writes a key, under a lease when one is given. Returns the revision.</summary>
    Task<long> PutAsync(string key, string value, IStoreLease? lease, CancellationToken cancellationToken);

    /// <summary>Deletes a key. Returns true when it was there.</summary>
    Task<bool> DeleteAsync(string key, CancellationToken cancellationToken);

    /// <summary>
    /// Writes a key only when its value is another; an absent key is created. The record of an equal value stays as it is,
    /// mod-revision included.
    /// </summary>
    Task<StoreUpdate> CompareAndUpdateAsync(string key, string value, CancellationToken cancellationToken);

    /// <summary>Does all <paramref name="operations"/> at one revision when every condition holds, else nothing.</summary>
    Task<StoreCommit> CommitAsync(
        IReadOnlyList<StoreCondition> conditions, IReadOnlyList<StoreOperation> operations, CancellationToken cancellationToken);

    /// <summary>Takes a lease of that length and keeps it alive until it is disposed, which revokes it.</summary>
    Task<IStoreLease> GrantLeaseAsync(TimeSpan timeToLive, CancellationToken cancellationToken);

    /// <summary>
    /// Watches a key, or a prefix. Returns when the store has acknowledged the watch, so that no later write can be missed.
    /// </summary>
    /// <param name="key">The key, or the prefix.</param>
    /// <param name="isPrefix">True to watch every key that begins with <paramref name="key"/>.</param>
    /// <param name="fromRevision">First revision wanted; 0 for whatever comes next.</param>
    /// <param name="cancellationToken">Ends the wait for the acknowledgement; to end the watch, dispose it.</param>
    Task<IStoreWatch> WatchAsync(string key, bool isPrefix, long fromRevision, CancellationToken cancellationToken);

    /// <summary>
    /// Takes the fair lock under <paramref name="prefix"/>, waiting for those who came before. Laid out as etcd's own
    /// concurrency package does (one key per lease, the lowest create-revision holds it), so that other tools that lock there are kept out too.
    /// </summary>
    /// <param name="prefix">Key prefix of the lock, ending in a slash.</param>
    /// <param name="holder">Who takes it and why; what others are told while they wait.</param>
    /// <param name="timeToLive">Length of the lease below it.</param>
    /// <param name="timeout">How long to wait for it.</param>
    /// <param name="cancellationToken">Ends the wait; the place in the queue is given back.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.LockHeld"/>, naming the holder, when the timeout is over.</exception>
    Task<IStoreLock> AcquireLockAsync(
        string prefix, LockHolder holder, TimeSpan timeToLive, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Who holds the lock under <paramref name="prefix"/>; null when it is free.</summary>
    Task<StoreLockState?> GetLockAsync(string prefix, CancellationToken cancellationToken);

    /// <summary>Each endpoint's answer, and whether there is a quorum.</summary>
    Task<StoreHealth> GetHealthAsync(CancellationToken cancellationToken);
}
