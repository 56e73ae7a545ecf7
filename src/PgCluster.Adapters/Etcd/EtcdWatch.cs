using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Google.Protobuf;
using PgCluster.Adapters.Etcd.Wire;
using PgCluster.Adapters.Grpc;
using PgCluster.Engine.Store;

namespace PgCluster.Adapters.Etcd;

/// <summary>A watch on a stream of its own, which is replaced by another one, perhaps to another member, when it breaks.</summary>
internal sealed class EtcdWatch : IStoreWatch
{
    // Responses, not events: what one transaction did stays together.
    private const int Capacity = 256;

    private readonly EtcdClient _client;
    private readonly string _name;
    private readonly ByteString _key;
    private readonly ByteString _end;
    private readonly WatchCursor _cursor;
    private readonly Action<EtcdWatch> _ended;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _acknowledged = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<IReadOnlyList<StoreEvent>> _buffer = Channel.CreateBounded<IReadOnlyList<StoreEvent>>(
        new BoundedChannelOptions(Capacity) { SingleReader = true, SingleWriter = true });

    private readonly Task _pump;
    private TaskCompletionSource? _drained;
    private GrpcException? _lastFailure;
    private long _heardAt;
    private int _disposed;

    private EtcdWatch(EtcdClient client, string name, ByteString key, ByteString end, long firstRevision, Action<EtcdWatch> ended)
    {
        _client = client;
        _name = name;
        _key = key;
        _end = end;
        _ended = ended;
        _cursor = new WatchCursor(client.Keys, firstRevision);
        _pump = Task.Run(PumpAsync);
    }

    private enum StreamOutcome
    {
        Broken,
        Denied,
        Compacted,
        ReaderTooSlow,
    }

    /// <summary>Where the watch would resume if its stream broke now.</summary>
    internal long ResumeRevision => _cursor.Next;

    /// <summary>Opens a watch and returns when a member has acknowledged it.</summary>
    public static async Task<EtcdWatch> OpenAsync(
        EtcdClient client, string key, bool isPrefix, long fromRevision, Action<EtcdWatch> ended, CancellationToken cancellationToken)
    {
        var (first, end) = isPrefix ? client.Keys.ToRange(key) : (client.Keys.ToWire(key), ByteString.Empty);
        var budget = client.StartBudget(cancellationToken);
        if (fromRevision <= 0)
        {
            // "From now on" by the word of one member could lie behind what was agreed already: this asks the quorum.
            var now = await client.CallAsync(
                EtcdMethods.Range, new RangeRequest { Key = first, RangeEnd = end, Limit = 1, KeysOnly = true }, budget).ConfigureAwait(false);
            fromRevision = now.Header.Revision + 1;
        }

        var watch = new EtcdWatch(client, key, first, end, fromRevision, ended);
        try
        {
            await watch._acknowledged.Task.WaitAsync(client.Options.Timeout, client.Time, cancellationToken).ConfigureAwait(false);
            return watch;
        }
        catch (TimeoutException)
        {
            await watch.DisposeAsync().ConfigureAwait(false);
            if (watch._lastFailure is { } failure)
            {
                budget.Failed(failure);
            }

            throw await client.NoAnswerAsync(budget).ConfigureAwait(false);
        }
        catch
        {
            await watch.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoreEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var batch in _buffer.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_buffer.Reader.Count <= Capacity / 2)
            {
                Volatile.Read(ref _drained)?.TrySetResult();
            }

            foreach (var change in batch)
            {
                yield return change;
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await _pump.ConfigureAwait(false);
        _stop.Dispose();
        _ended(this);
    }

    private async Task PumpAsync()
    {
        var backoff = new Backoff(TimeSpan.FromSeconds(1));
        var failures = 0;
        var denied = false;
        Exception? end = null;
        try
        {
            while (true)
            {
                EtcdEndpoint? endpoint = null;
                string? token = null;
                string detail;
                var openedAt = _client.Time.GetTimestamp();
                try
                {
                    (var call, token) = await _client.PrepareStreamAsync(_stop.Token).ConfigureAwait(false);
                    endpoint = _client.Current;
                    var patience = _client.Options.TryTimeout * Math.Pow(2, Math.Min(failures / _client.Endpoints.Count, 4));
                    using var limit = new StreamLimit(patience, _client.Time, _stop.Token);
                    (var outcome, detail) = await FollowAsync(endpoint, call, limit).ConfigureAwait(false);
                    switch (outcome)
                    {
                        case StreamOutcome.Compacted or StreamOutcome.ReaderTooSlow:
                            failures = 0;
                            denied = false;
                            continue;
                        case StreamOutcome.Denied when denied || _client.Options.User is null:
                            throw _client.Denied(detail, endpoint);
                        case StreamOutcome.Denied:
                            // etcd has one answer for a token that is worn out and for a user who may not: only a new token tells.
                            denied = true;
                            _client.ForgetToken(token);
                            continue;
                        default:
                            break;
                    }
                }
                catch (PgClusterException e) when (e.Reason is not (Reason.StoreUnavailable or Reason.NoQuorum))
                {
                    throw;
                }
                catch (Exception e) when (!_stop.IsCancellationRequested)
                {
                    detail = e.Message;
                    _lastFailure = e as GrpcException ?? _lastFailure;
                    if (e is GrpcException { StatusCode: GrpcStatusCode.Unauthenticated })
                    {
                        _client.ForgetToken(token);
                    }
                }

                _cursor.Resume();
                endpoint ??= _client.Current;
                EtcdLog.WatchBroken(_client.Log, _name, endpoint.Name, _cursor.Next, detail);
                _client.MoveAwayFrom(endpoint);
                if (_client.Time.GetElapsedTime(openedAt) > TimeSpan.FromSeconds(1) && _acknowledged.Task.IsCompleted)
                {
                    failures = 0;
                    backoff.Reset();
                }

                failures++;
                await Task.Delay(backoff.Next(), _client.Time, _stop.Token).ConfigureAwait(false);
            }
        }
        catch (Exception) when (_stop.IsCancellationRequested)
        {
            // Disposed: whatever the stream says now.
        }
        catch (Exception e)
        {
            EtcdLog.WatchEnded(_client.Log, _name, e.Message);
            end = e;
        }

        if (end is not null)
        {
            _acknowledged.TrySetException(end);
        }
        else
        {
            _acknowledged.TrySetCanceled(CancellationToken.None);
        }

        _buffer.Writer.TryComplete(end);
    }

    private async Task<(StreamOutcome Outcome, string Detail)> FollowAsync(EtcdEndpoint endpoint, GrpcCallOptions options, StreamLimit limit)
    {
        var create = new WatchCreateRequest
        {
            Key = _key,
            RangeEnd = _end,
            StartRevision = _cursor.StartRevision,

            // A quiet watch would resume where its last event was, behind the next compaction.
            ProgressNotify = true,
        };
        IReadOnlyList<StoreEvent>? left = null;
        var probing = Task.CompletedTask;
        try
        {
            var stream = await endpoint.Channel.DuplexAsync(EtcdMethods.Watch, options, limit.Token).ConfigureAwait(false);
            await using var closing = stream.ConfigureAwait(false);
            await stream.WriteAsync(new WatchRequest { CreateRequest = create }, limit.Token).ConfigureAwait(false);
            await foreach (var response in stream.ReadAllAsync(limit.Token).ConfigureAwait(false))
            {
                Volatile.Write(ref _heardAt, _client.Time.GetTimestamp());
                if (response.Canceled && response.CompactRevision == 0)
                {
                    return (StreamOutcome.Denied, response.CancelReason);
                }

                if (response.Created)
                {
                    limit.ExpectNothing();
                    EtcdLog.WatchStarted(_client.Log, _name, create.StartRevision, endpoint.Name);
                    probing = ProbeAsync(endpoint, limit);
                    _acknowledged.TrySetResult();
                }

                var events = _cursor.Accept(response);
                if (response.CompactRevision > 0)
                {
                    EtcdLog.WatchGap(_client.Log, _name, response.CompactRevision);
                }

                if (events.Count > 0 && !_buffer.Writer.TryWrite(events))
                {
                    left = events;
                    break;
                }

                if (response.Canceled)
                {
                    _cursor.Resume();
                    return (StreamOutcome.Compacted, "");
                }
            }
        }
        finally
        {
            limit.End();
            await probing.ConfigureAwait(false);
        }

        if (left is null)
        {
            return (StreamOutcome.Broken, "the member ended the stream");
        }

        // The stream is given back while the reader catches up: etcd keeps the events, and need not keep them twice.
        EtcdLog.SlowReader(_client.Log, _name, left[0].Revision);
        _cursor.Resume();
        await WaitForReaderAsync().ConfigureAwait(false);
        await _buffer.Writer.WriteAsync(left, _stop.Token).ConfigureAwait(false);
        return (StreamOutcome.ReaderTooSlow, "");
    }

    private async Task WaitForReaderAsync()
    {
        var drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _drained, drained);
        if (_buffer.Reader.Count > Capacity / 2)
        {
            // Half of it, or each event read would cost a stream of its own.
            await drained.Task.WaitAsync(_stop.Token).ConfigureAwait(false);
        }

        Volatile.Write(ref _drained, null);
    }

    private async Task ProbeAsync(EtcdEndpoint endpoint, StreamLimit limit)
    {
        try
        {
            while (true)
            {
                var heardAt = Volatile.Read(ref _heardAt);
                await Task.Delay(_client.Options.ProbeInterval, _client.Time, limit.Token).ConfigureAwait(false);
                if (heardAt == Volatile.Read(ref _heardAt) && !await endpoint.IsAliveAsync().WaitAsync(limit.Token).ConfigureAwait(false))
                {
                    limit.End();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The stream is over.
        }
    }
}
