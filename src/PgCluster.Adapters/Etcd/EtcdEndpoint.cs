using PgCluster.Adapters.Etcd.Wire;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Adapters.Etcd;

/// <summary>One member of etcd.</summary>
internal sealed class EtcdEndpoint : IDisposable
{
    private readonly TimeProvider _time;
    private readonly TimeSpan _patience;
    private readonly Lock _gate = new();
    private Task<bool>? _probe;
    private long _aliveAt;

    public EtcdEndpoint(Uri address, EtcdOptions options, TimeProvider time)
    {
        _time = time;
        _patience = options.ProbeInterval;
        Name = EtcdOptions.NameOf(address);
        Channel = new GrpcChannel(address, new GrpcChannelOptions
        {
            ConnectTimeout = options.DialTimeout,
            KeepAliveTime = options.KeepAliveTime,
            KeepAliveTimeout = options.KeepAliveTimeout,
            Tls = options.Tls,
            TimeProvider = time,
        });
    }

    /// <summary>Its URL as errors show it.</summary>
    public string Name { get; }

    /// <summary>The way to it.</summary>
    public GrpcChannel Channel { get; }

    /// <summary>What the member says of itself; needs neither a quorum nor a user.</summary>
    /// <exception cref="GrpcException">It does not answer.</exception>
    public Task<StatusResponse> GetStatusAsync(TimeSpan timeout, CancellationToken cancellationToken) =>
        Channel.UnaryAsync(EtcdMethods.Status, new StatusRequest(), new GrpcCallOptions { Timeout = timeout }, cancellationToken);

    /// <summary>
    /// Whether the member still answers. A host that lost its power never closes its connections, and HTTP/2's own pings may not be sent often
    /// enough (etcd refuses them): a watch would follow a dead member for half a minute. Many watches share one question.
    /// </summary>
    public Task<bool> IsAliveAsync()
    {
        lock (_gate)
        {
            if (_probe is { IsCompleted: false })
            {
                return _probe;
            }

            if (_aliveAt != 0 && _time.GetElapsedTime(_aliveAt) < _patience / 2)
            {
                return Task.FromResult(true);
            }

            return _probe = ProbeAsync();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Channel.Dispose();

    private async Task<bool> ProbeAsync()
    {
        try
        {
            await GetStatusAsync(_patience, CancellationToken.None).ConfigureAwait(false);
            lock (_gate)
            {
                _aliveAt = _time.GetTimestamp();
            }

            return true;
        }
        catch (Exception e) when (e is GrpcException or ObjectDisposedException)
        {
            // Any answer but silence and a broken connection proves life.
            return e is GrpcException { StatusCode: not (GrpcStatusCode.Unavailable or GrpcStatusCode.DeadlineExceeded) };
        }
    }
}
