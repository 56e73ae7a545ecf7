using PgCluster.Adapters.Etcd.Wire;
using PgCluster.Adapters.Grpc;
using PgCluster.Engine.Store;

namespace PgCluster.Adapters.Etcd;

/// <summary>A lease with the stream that keeps it alive. <see cref="Lost"/> is cancelled at the latest by its disposal.</summary>
internal sealed class EtcdLease : IStoreLease
{
    // So many, that a change of etcd's leader (1 to 2 s) still leaves time for the next try under a lease of 3 s.
    private const int RenewalsInALife = 6;

    private readonly EtcdClient _client;
    private readonly Action<EtcdLease> _ended;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _lost;
    private readonly Task _pump;
    private TimeSpan _timeToLive;
    private long _renewedAt;
    private volatile bool _gone;
    private int _disposed;

    private EtcdLease(EtcdClient client, long id, TimeSpan timeToLive, long sentAt, Action<EtcdLease> ended)
    {
        _client = client;
        _ended = ended;
        Id = id;
        _timeToLive = timeToLive;
        _renewedAt = sentAt;
        _lost = new CancellationTokenSource(Remaining(), client.Time);
        Lost = _lost.Token;
        _pump = Task.Run(KeepAliveAsync);
    }

    /// <inheritdoc/>
    public long Id { get; }

    /// <inheritdoc/>
    public TimeSpan TimeToLive => _timeToLive;

    /// <inheritdoc/>
    public long RenewedAt => Volatile.Read(ref _renewedAt);

    /// <inheritdoc/>
    public CancellationToken Lost { get; }

    /// <summary>The id as etcd's tools print it.</summary>
    public string Name => Id.ToString("x", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Takes a lease.</summary>
    public static async Task<EtcdLease> GrantAsync(EtcdClient client, TimeSpan timeToLive, Action<EtcdLease> ended, CancellationToken cancellationToken)
    {
        // The id is ours, so that a second try of a grant whose answer got lost meets the first one instead of leaving it behind.
        var id = Random.Shared.NextInt64(1, long.MaxValue);
        var request = new LeaseGrantRequest { ID = id, TTL = (long)Math.Ceiling(timeToLive.TotalSeconds) };
        var budget = client.StartBudget(cancellationToken);

        // The first try starts the clock: the lease cannot end on the store's side before it does on ours.
        var sentAt = client.Time.GetTimestamp();
        long seconds;
        try
        {
            seconds = (await client.CallAsync(EtcdMethods.LeaseGrant, request, budget).ConfigureAwait(false)).TTL;
        }
        catch (PgClusterException e) when (e.InnerException is GrpcException { StatusCode: GrpcStatusCode.FailedPrecondition }
                                           && budget.LastFailure is not null)
        {
            seconds = request.TTL;
        }

        var lease = new EtcdLease(client, id, TimeSpan.FromSeconds(seconds), sentAt, ended);
        EtcdLog.LeaseGranted(client.Log, lease.Name, seconds);
        return lease;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => EndAsync(revoke: true);

    /// <inheritdoc/>
    public ValueTask AbandonAsync() => EndAsync(revoke: false);

    private async ValueTask EndAsync(bool revoke)
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await _pump.ConfigureAwait(false);
        var alreadyLost = _lost.IsCancellationRequested;

        // Before the store lets others in, whoever still works under the lease has to know.
        await _lost.CancelAsync().ConfigureAwait(false);
        if (revoke && !alreadyLost)
        {
            try
            {
                await _client.CallAsync(
                    EtcdMethods.LeaseRevoke, new LeaseRevokeRequest { ID = Id }, _client.StartBudget(CancellationToken.None)).ConfigureAwait(false);
            }
            catch (PgClusterException e) when (e.InnerException is GrpcException { StatusCode: GrpcStatusCode.NotFound })
            {
                // An earlier try revoked it, or it ran out: gone is gone.
            }
            catch (PgClusterException e)
            {
                EtcdLog.RevokeFailed(_client.Log, Name, e.Message);
            }
        }

        _stop.Dispose();
        _lost.Dispose();
        _ended(this);
    }

    private TimeSpan Remaining()
    {
        var left = _timeToLive - _client.Time.GetElapsedTime(_renewedAt);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private async Task KeepAliveAsync()
    {
        var backoff = new Backoff(TimeSpan.FromSeconds(1));
        var failures = 0;
        var suspected = false;
        KeepAliveStream? stream = null;
        using var ended = Lost.Register(() =>
        {
            if (Volatile.Read(ref _disposed) == 0)
            {
                EtcdLog.LeaseLost(_client.Log, Name, _gone ? "etcd let it go" : "its time is over without a renewal");
            }
        });
        using var running = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, Lost);
        try
        {
            while (true)
            {
                var due = (_timeToLive / RenewalsInALife) - _client.Time.GetElapsedTime(_renewedAt);
                if (due > TimeSpan.Zero && failures == 0 && !suspected)
                {
                    await Task.Delay(due, _client.Time, running.Token).ConfigureAwait(false);
                }

                var endpoint = stream?.Endpoint ?? _client.Current;
                var token = stream?.Token;
                try
                {
                    if (stream is null)
                    {
                        var (call, newToken) = await _client.PrepareStreamAsync(running.Token).ConfigureAwait(false);
                        token = newToken;
                        endpoint = _client.Current;
                        var limit = new StreamLimit(Patience(failures), _client.Time, running.Token);
                        stream = await KeepAliveStream.OpenAsync(endpoint, token, call, limit).ConfigureAwait(false);
                    }

                    // Counted from when it was sent: the store may have counted from then on.
                    var sentAt = _client.Time.GetTimestamp();
                    var granted = await stream.RenewAsync(Id, Patience(failures)).ConfigureAwait(false);
                    if (granted > TimeSpan.Zero)
                    {
                        _timeToLive = granted;
                        Volatile.Write(ref _renewedAt, sentAt);
                        _lost.CancelAfter(Remaining());
                        failures = 0;
                        suspected = false;
                        backoff.Reset();
                        continue;
                    }

                    if (suspected)
                    {
                        _gone = true;
                        await _lost.CancelAsync().ConfigureAwait(false);
                        return;
                    }

                    // A leader that has just started may not have read its log up to our lease yet. After a linearizable read it has.
                    suspected = true;
                    await _client.CallAsync(
                        EtcdMethods.Range,
                        new RangeRequest { Key = _client.Keys.ToWire("lease"), KeysOnly = true },
                        _client.StartBudget(running.Token)).ConfigureAwait(false);
                    continue;
                }
                catch (Exception e) when (!running.IsCancellationRequested)
                {
                    EtcdLog.RenewalFailed(_client.Log, Name, endpoint.Name, e.Message);
                    if (e is GrpcException { StatusCode: GrpcStatusCode.Unauthenticated or GrpcStatusCode.InvalidArgument or GrpcStatusCode.PermissionDenied })
                    {
                        _client.ForgetToken(token);
                    }
                    else
                    {
                        _client.MoveAwayFrom(endpoint);
                    }

                    if (stream is not null)
                    {
                        await stream.DisposeAsync().ConfigureAwait(false);
                        stream = null;
                    }
                }

                if (++failures % _client.Endpoints.Count == 0)
                {
                    await Task.Delay(backoff.Next(), _client.Time, running.Token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception) when (running.IsCancellationRequested)
        {
            // Disposed or lost: whatever the stream says now.
        }
        finally
        {
            if (stream is not null)
            {
                await stream.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    // Grows like the tries of a request, and leaves room for another try before the lease is over.
    private TimeSpan Patience(int failures)
    {
        var length = _client.Options.TryTimeout * Math.Pow(2, Math.Min(failures / _client.Endpoints.Count, 16));
        var most = _timeToLive / 3;
        return length < most ? length : most;
    }

    /// <summary>One stream to one member; given up with the first answer that does not come.</summary>
    private sealed class KeepAliveStream : IAsyncDisposable
    {
        private readonly StreamLimit _limit;
        private readonly GrpcDuplexCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> _call;
        private readonly IAsyncEnumerator<LeaseKeepAliveResponse> _answers;

        private KeepAliveStream(
            EtcdEndpoint endpoint,
            string? token,
            GrpcDuplexCall<LeaseKeepAliveRequest, LeaseKeepAliveResponse> call,
            StreamLimit limit)
        {
            Endpoint = endpoint;
            Token = token;
            _call = call;
            _limit = limit;
            _answers = call.ReadAllAsync(limit.Token).GetAsyncEnumerator(limit.Token);
        }

        public EtcdEndpoint Endpoint { get; }

        public string? Token { get; }

        public static async Task<KeepAliveStream> OpenAsync(
            EtcdEndpoint endpoint, string? token, GrpcCallOptions options, StreamLimit limit)
        {
            try
            {
                var call = await endpoint.Channel.DuplexAsync(EtcdMethods.LeaseKeepAlive, options, limit.Token).ConfigureAwait(false);
                return new KeepAliveStream(endpoint, token, call, limit);
            }
            catch
            {
                limit.Dispose();
                throw;
            }
        }

        /// <summary>Renews, and returns the time the lease has from now; zero when it is gone.</summary>
        public async Task<TimeSpan> RenewAsync(long id, TimeSpan patience)
        {
            _limit.Expect(patience);
            await _call.WriteAsync(new LeaseKeepAliveRequest { ID = id }, _limit.Token).ConfigureAwait(false);
            if (!await _answers.MoveNextAsync().ConfigureAwait(false))
            {
                throw new GrpcException(GrpcStatusCode.Unavailable, "The member ended the stream.");
            }

            _limit.ExpectNothing();
            return TimeSpan.FromSeconds(_answers.Current.TTL);
        }

        public async ValueTask DisposeAsync()
        {
            await _call.DisposeAsync().ConfigureAwait(false);
            try
            {
                await _answers.DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (e is GrpcException or OperationCanceledException)
            {
                // The stream ends here, however it fared.
            }

            _limit.Dispose();
        }
    }
}
