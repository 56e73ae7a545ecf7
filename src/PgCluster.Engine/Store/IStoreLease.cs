namespace PgCluster.Engine.Store;

/// <summary>A lease that is kept alive; keys written under it vanish when it ends. Disposing revokes it.</summary>
public interface IStoreLease : IAsyncDisposable
{
    /// <summary>The lease's id in the store.</summary>
    long Id { get; }

    /// <summary>
    /// Cancelled as soon as the lease can no longer be relied on: the store said it is gone, or its time is over by this process's clock
    /// without a renewal, whichever is first.
    /// </summary>
    CancellationToken Lost { get; }
}
