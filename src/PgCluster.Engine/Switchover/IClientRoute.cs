namespace PgCluster.Engine.Switchover;

/// <summary>
/// The way clients take to their database, and how to lead it to another one without an error on their side. The order is: prepare, stop, flip the
/// pointer in the source database, switch, release. Each call returns what a report says of it. Errors are <see cref="PgClusterException"/>.
/// Disposing releases what was not released.
/// </summary>
public interface IClientRoute : IAsyncDisposable
{
    /// <summary>
    /// Cancelled when the promise of <see cref="StopAsync"/> can no longer be relied on: a flip that is not committed by then must not be tried.
    /// </summary>
    CancellationToken StopLost => CancellationToken.None;

    /// <summary>
    /// Announces the move, keeps others from changing the route meanwhile, and proves that everyone on it could follow. Clients notice nothing.
    /// </summary>
    Task<string> PrepareAsync(CancellationToken cancellationToken);

    /// <summary>Returns when nobody can write through this route any more; clients wait.</summary>
    Task<string> StopAsync(CancellationToken cancellationToken);

    /// <summary>Leads the route to the target; only after the flip. May be called again when it failed.</summary>
    Task<string> SwitchAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Lets clients go on, wherever the route leads now, and others change it. Before <see cref="SwitchAsync"/> it is the undo: the announcement is taken
    /// back, so the pointer must not be flipped.
    /// </summary>
    Task<string> ReleaseAsync(CancellationToken cancellationToken);
}
