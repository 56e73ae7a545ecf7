using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using PgCluster.Engine.Store;

namespace PgCluster.Engine.Pooling;

/// <summary>
/// The keys that say where poolers lead, followed: what each is now, then every change, by a watch with a poll as safety net. Errors of the store are
/// logged and outlived.
/// </summary>
public sealed class PrimaryKeyStream
{
    private static readonly TimeSpan WatchRetry = TimeSpan.FromSeconds(1);

    private readonly IClusterStore _store;
    private readonly IReadOnlyList<string> _keys;
    private readonly TimeSpan _pollInterval;
    private readonly TimeSpan _getTimeout;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    /// <summary>Makes a stream; nothing is read yet.</summary>
    /// <param name="store">The store.</param>
    /// <param name="keys">The keys, relative to the store's namespace.</param>
    /// <param name="pollInterval">Time between two polls.</param>
    /// <param name="getTimeout">How long one read of the key may take.</param>
    /// <param name="timeProvider">Clock of polls and retries.</param>
    /// <param name="logger">Where errors of the store go.</param>
    public PrimaryKeyStream(
        IClusterStore store, IReadOnlyList<string> keys, TimeSpan pollInterval, TimeSpan getTimeout,
        TimeProvider timeProvider, ILogger<PrimaryKeyStream> logger)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(pollInterval, TimeSpan.Zero);
        _store = store;
        _keys = keys;
        _pollInterval = pollInterval;
        _getTimeout = getTimeout;
        _time = timeProvider;
        _logger = logger;
    }

    /// <summary>
    /// Of each key the value of now (null when it is absent), then each newer one, in order of revision. Ends, without an exception, with the token.
    /// </summary>
    public IAsyncEnumerable<KeyedValue> ReadAllAsync(CancellationToken cancellationToken) =>
        MergeAsync(cancellationToken).WithRisingRevisions(CancellationToken.None).WithOneAbsence(CancellationToken.None);

    private async IAsyncEnumerable<KeyedValue> MergeAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var channel = Channel.CreateUnbounded<KeyedValue>(new UnboundedChannelOptions { SingleReader = true });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var pumps = PumpAsync(channel.Writer, stop.Token);
        try
        {
            await foreach (var value in channel.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
            {
                yield return value;
            }
        }
        finally
        {
            // Also when the reader leaves early: nothing of this may outlive the enumeration.
            await stop.CancelAsync().ConfigureAwait(false);
            await pumps.ConfigureAwait(false);
        }
    }

    private async Task PumpAsync(ChannelWriter<KeyedValue> writer, CancellationToken cancellationToken)
    {
        await Task.WhenAll(_keys.SelectMany(key => (Task[])
        [
            GuardAsync(WatchAsync(key, writer, cancellationToken)),
            GuardAsync(PollAsync(key, writer, cancellationToken)),
        ])).ConfigureAwait(false);

        // None ends but by the token or by a defect, and then the others have nothing to go on for.
        async Task GuardAsync(Task pump)
        {
            try
            {
                await pump.ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                writer.TryComplete();
            }
            catch (Exception exception)
            {
                writer.TryComplete(exception);
            }
        }
    }

    private async Task WatchAsync(string key, ChannelWriter<KeyedValue> writer, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                // The watch first and the value after it: a change between the two is then seen by one of them.
                var watch = await _store.WatchAsync(key, isPrefix: false, fromRevision: 0, cancellationToken).ConfigureAwait(false);
                await using var disposal = watch.ConfigureAwait(false);
                await ReadCurrentAsync(key, writer, cancellationToken).ConfigureAwait(false);
                await foreach (var change in watch.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                {
                    switch (change)
                    {
                        case StoreEvent.Put put:
                            Write(writer, new KeyedValue(key, put.Entry.Value, put.Entry.ModRevision));
                            break;
                        case StoreEvent.Delete delete:
                            Write(writer, new KeyedValue(key, null, delete.Revision));
                            break;
                        default:
                            await ReadCurrentAsync(key, writer, cancellationToken).ConfigureAwait(false);
                            break;
                    }
                }

                cancellationToken.ThrowIfCancellationRequested();
                PoolingLog.WatchEnded(_logger, key);
            }
            catch (PgClusterException exception)
            {
                PoolingLog.WatchFailed(_logger, key, exception.Message);
            }

            await Task.Delay(WatchRetry, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task PollAsync(string key, ChannelWriter<KeyedValue> writer, CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(_pollInterval, _time, cancellationToken).ConfigureAwait(false);
            try
            {
                await ReadCurrentAsync(key, writer, cancellationToken).ConfigureAwait(false);
            }
            catch (PgClusterException exception)
            {
                PoolingLog.PollFailed(_logger, key, exception.Message);
            }
        }
    }

    private async Task ReadCurrentAsync(string key, ChannelWriter<KeyedValue> writer, CancellationToken cancellationToken)
    {
        // A range and not a single read: it says at which revision an absent key was absent.
        using var budget = new CancellationTokenSource(_getTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        StoreRange range;
        try
        {
            range = await _store.ListAsync(key, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PgClusterException(Reason.StoreUnavailable, $"{key} could not be read within {_getTimeout}", e);
        }

        var entry = range.Entries.FirstOrDefault(candidate => candidate.Key == key);
        Write(writer, entry is null ? new KeyedValue(key, null, range.Revision) : new KeyedValue(key, entry.Value, entry.ModRevision));
    }

    private static void Write(ChannelWriter<KeyedValue> writer, KeyedValue value) => writer.TryWrite(value);
}
