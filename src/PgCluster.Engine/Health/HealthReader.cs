using PgCluster.Engine.Configuration;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Health;

/// <summary>
/// What the observers agree on, for who asks once. A report that is found may be as old as its lease, so this stays until every observer has written again, or for
/// two rounds when one does not.
/// </summary>
/// <param name="store">Where the observers write.</param>
/// <param name="config">The cluster.</param>
/// <param name="time">The clock.</param>
public sealed class HealthReader(IClusterStore store, ClusterConfig config, TimeProvider time)
{
    /// <summary>Reads, waits, and gives every report with its age.</summary>
    /// <exception cref="PgClusterException">The store does not answer.</exception>
    public async Task<IReadOnlyList<ObserverView>> ReadAsync(CancellationToken cancellationToken)
    {
        var ledger = new VoteLedger(time);
        var range = await store.ListAsync(StoreKeys.Health, cancellationToken).ConfigureAwait(false);
        ledger.Replace(range);
        using var patience = new CancellationTokenSource(2 * (config.Health.Interval + config.Health.ProbeTimeout), time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        var watch = await store.WatchAsync(StoreKeys.Health, isPrefix: true, range.Revision + 1, cancellationToken).ConfigureAwait(false);
        await using (watch.ConfigureAwait(false))
        {
            try
            {
                if (!ledger.AllWritten)
                {
                    await foreach (var change in watch.ReadAllAsync(linked.Token).ConfigureAwait(false))
                    {
                        if (!ledger.Apply(change))
                        {
                            ledger.Replace(await store.ListAsync(StoreKeys.Health, cancellationToken).ConfigureAwait(false));
                        }

                        if (ledger.AllWritten)
                        {
                            break;
                        }
                    }
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Somebody has not written in time: its report stays, with the age its own clock gives it.
            }
        }

        cancellationToken.ThrowIfCancellationRequested();
        return ledger.ViewsInDoubt();
    }
}
