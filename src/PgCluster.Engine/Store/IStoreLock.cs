namespace PgCluster.Engine.Store;

/// <summary>A held lock. Disposing gives it back.</summary>
public interface IStoreLock : IAsyncDisposable
{
    /// <summary>The key that holds it.</summary>
    string Key { get; }

    /// <summary>Create-revision of that key: ownership is proven by a transaction that compares it.</summary>
    long CreateRevision { get; }

    /// <summary>Cancelled as soon as the lock can no longer be relied on. See <see cref="IStoreLease.Lost"/>.</summary>
    CancellationToken Lost { get; }
}
