namespace PgCluster.Engine.Store;

/// <summary>
/// A watch that survives restarts of the store and the loss of an endpoint by resuming after the last revision it delivered. Disposing ends it.
/// </summary>
public interface IStoreWatch : IAsyncDisposable
{
    /// <summary>Events in order of revision, each once, until the watch is disposed or the token cancelled. Read it once.</summary>
    IAsyncEnumerable<StoreEvent> ReadAllAsync(CancellationToken cancellationToken);
}
