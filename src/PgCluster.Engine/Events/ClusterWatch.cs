using System.Runtime.CompilerServices;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Health;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Events;

/// <summary>
/// Everything that happens to a cluster, from one watch on all its keys. Survives the store's restarts; meanwhile what the observers agree on ages until it is Unknown.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="config">The cluster.</param>
/// <param name="time">The clock.</param>
public sealed class ClusterWatch(IClusterStore store, ClusterConfig config, TimeProvider time)
{
    private readonly ClusterEventTranslator _translator = new(config);
    private readonly VoteLedger _votes = new(time);
    private readonly long _began = time.GetTimestamp();

    /// <summary>How the cluster stands, then everything that happens, until cancelled. Read it once.</summary>
    /// <exception cref="PgClusterException">The store does not answer at the beginning.</exception>
    public async IAsyncEnumerable<ClusterEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Read first, then watch from the next revision: nothing between the two is lost.
        var everything = await store.ListAsync("", cancellationToken).ConfigureAwait(false);
        _votes.Replace(Health(everything));
        var watch = await store.WatchAsync("", isPrefix: true, everything.Revision + 1, cancellationToken).ConfigureAwait(false);
        await using var closing = watch.ConfigureAwait(false);
        yield return _translator.Begin(everything, time.GetUtcNow());

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var changes = watch.ReadAllAsync(stop.Token).GetAsyncEnumerator(stop.Token);
        var next = changes.MoveNextAsync().AsTask();
        var tick = Task.Delay(config.Health.Interval, time, stop.Token);
        var heard = time.GetTimestamp();
        var stale = false;
        try
        {
            while (true)
            {
                await Task.WhenAny(next, tick).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                IReadOnlyList<ClusterEvent> happened = [];
                if (next.IsCompleted)
                {
                    if (!await next.ConfigureAwait(false))
                    {
                        yield break;
                    }

                    var change = changes.Current;

                    // After a silence this may be the first of many that waited: old words that would look fresh.
                    stale |= time.GetElapsedTime(heard) >= config.Health.FailoverTimeout / 2 || change is StoreEvent.Gap;
                    heard = time.GetTimestamp();
                    happened = _translator.Take(change, time.GetUtcNow());
                    if (change is StoreEvent.Put { Entry.Key: var key } && IsHealth(key) || change is StoreEvent.Delete { Key: var gone } && IsHealth(gone))
                    {
                        _votes.Apply(change);
                    }

                    next = changes.MoveNextAsync().AsTask();
                }
                else
                {
                    happened = _translator.Settle(time.GetUtcNow());
                    tick = Task.Delay(config.Health.Interval, time, stop.Token);
                }

                foreach (var one in happened)
                {
                    yield return one;
                }

                if (stale && await TryListAsync(cancellationToken).ConfigureAwait(false) is { } again)
                {
                    stale = false;
                    _votes.Replace(Health(again));
                    foreach (var one in _translator.Resume(again, time.GetUtcNow()))
                    {
                        yield return one;
                    }
                }

                if (!stale && IsHeard)
                {
                    foreach (var one in _translator.Look(HealthConsensus.Judge(_votes.Views(), config.Nodes.Select(n => n.Name), config.Health), time.GetUtcNow()))
                    {
                        yield return one;
                    }
                }
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await changes.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>A report that was found may be as old as its lease: nothing is concluded before every observer has written again, or had the time to.</summary>
    private bool IsHeard => _votes.AllWritten || time.GetElapsedTime(_began) > 2 * (config.Health.Interval + config.Health.ProbeTimeout);

    private static bool IsHealth(string key) => key.StartsWith(StoreKeys.Health, StringComparison.Ordinal);

    private static StoreRange Health(StoreRange everything) => everything with { Entries = [.. everything.Entries.Where(e => IsHealth(e.Key))] };

    private async Task<StoreRange?> TryListAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await store.ListAsync("", cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException)
        {
            // Gone again: the next round tries.
            return null;
        }
    }
}
