using PgCluster.Adapters.Postgres;

namespace PgCluster.Client;

/// <summary>
/// Writers on the clients' route while something else happens: afterwards it says how long nothing could be committed, what errors the clients saw,
/// and whether every acknowledged commit is there exactly once.
/// </summary>
public sealed class WriteGapMeter : IAsyncDisposable
{
    private readonly WriteLoad _load;

    private WriteGapMeter(WriteLoad load) => _load = load;

    /// <summary>The run's table when it could not be dropped, for example because the route was gone; null otherwise. Known once this is disposed.</summary>
    public string? LeftBehind => _load.LeftBehind;

    /// <summary>Starts the writers; returns when each of them has had a commit acknowledged, so that the load is on.</summary>
    /// <param name="options">Where and how to write.</param>
    /// <param name="cancellationToken">Ends the start; the writers go on until stopped.</param>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.InvalidArgument"/>, <see cref="Reason.AccessDenied"/>, or <see cref="Reason.PostgresUnavailable"/> when the route takes no commit.
    /// </exception>
    public static async Task<WriteGapMeter> StartAsync(WriteGapOptions options, CancellationToken cancellationToken) =>
        new(await WriteLoad.StartAsync(options, TimeProvider.System, cancellationToken).ConfigureAwait(false));

    /// <summary>Lets the commits in flight end, reads every row back and reports. To be called once.</summary>
    /// <param name="cancellationToken">Ends the wait; nothing is known then.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.PostgresUnavailable"/>: the rows could not be read back.</exception>
    public Task<WriteGapReport> StopAsync(CancellationToken cancellationToken) => _load.StopAsync(cancellationToken);

    /// <summary>Ends the writers when they still run, and drops their table.</summary>
    public ValueTask DisposeAsync() => _load.DisposeAsync();
}
