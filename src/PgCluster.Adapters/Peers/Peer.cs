using System.Net.Sockets;
using Google.Protobuf;
using PgCluster.Adapters.Grpc;
using PgCluster.Engine.Configuration;
using PgCluster.Protos.Pgcm;

namespace PgCluster.Adapters.Peers;

/// <summary>
/// An agent or a keeper of ours at its address, or what is in its place yet: pgsql-cluster-manager's agent, at an address of its own and in plain text. It is that where nobody listens for ours and the other one answers.
/// </summary>
internal sealed class Peer : IDisposable
{
    private readonly TimeSpan _budget;
    private readonly GrpcChannel _ours;
    private readonly GrpcChannel? _pgcm;
    private volatile bool _isPgcm;

    /// <summary>Makes a peer; connects with the first call.</summary>
    /// <param name="address">host:port of ours.</param>
    /// <param name="pgcm">Where pgsql-cluster-manager's service is; null for nowhere.</param>
    /// <param name="options">How ours are connected to.</param>
    public Peer(string address, HostPort? pgcm, GrpcChannelOptions options)
    {
        _budget = options.ConnectTimeout;
        _ours = new GrpcChannel(new Uri($"{(options.Tls is null ? "http" : "https")}://{address}"), options);
        _pgcm = pgcm is null ? null : new GrpcChannel(new Uri($"http://{pgcm}"), options with { Tls = null });
    }

    /// <summary>host:port of ours.</summary>
    public string Address => _ours.Address.Authority;

    /// <summary>host:port of pgsql-cluster-manager's; empty for nowhere.</summary>
    public string PgcmAddress => _pgcm?.Address.Authority ?? "";

    /// <summary>Whether it was pgsql-cluster-manager's when ours was last asked for.</summary>
    public bool IsPgcm => _isPgcm;

    /// <summary>Calls a method of ours.</summary>
    /// <exception cref="GrpcException">As the channel's.</exception>
    /// <exception cref="PgClusterException"><see cref="Reason.ForeignAgent"/>: pgsql-cluster-manager's is there instead.</exception>
    public async Task<TResponse> CallAsync<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, TRequest request, CancellationToken cancellationToken)
        where TRequest : IMessage<TRequest>
        where TResponse : IMessage<TResponse>, new()
    {
        try
        {
            var answer = await _ours.UnaryAsync(method, request, GrpcCallOptions.None, cancellationToken).ConfigureAwait(false);
            _isPgcm = false;
            return answer;
        }
        catch (GrpcException e)
        {
            // Ours serves that address too while it lives, so that its answer alone says nothing.
            _isPgcm = IsRefused(e) && await PgcmAnswersAsync(cancellationToken).ConfigureAwait(false);
            if (_isPgcm)
            {
                throw new PgClusterException(Reason.ForeignAgent, $"nobody listens at {Address}, and pgsql-cluster-manager's agent does at {PgcmAddress}", e);
            }

            throw;
        }
    }

    /// <summary>Calls a method of pgsql-cluster-manager's.</summary>
    /// <exception cref="GrpcException">As the channel's.</exception>
    public async Task<TResponse> CallPgcmAsync<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, TRequest request, CancellationToken cancellationToken)
        where TRequest : IMessage<TRequest>
        where TResponse : IMessage<TResponse>, new()
    {
        try
        {
            return await (_pgcm ?? throw new InvalidOperationException("it has no such address")).UnaryAsync(method, request, GrpcCallOptions.None, cancellationToken).ConfigureAwait(false);
        }
        catch (GrpcException e) when (e.StatusCode == GrpcStatusCode.Unavailable)
        {
            // It may be ours when it is back.
            _isPgcm = false;
            throw;
        }
    }

    public void Dispose()
    {
        _ours.Dispose();
        _pgcm?.Dispose();
    }

    /// <summary>Whether nobody listens there: not one who is slow, or has the wrong certificate.</summary>
    private static bool IsRefused(Exception failure) =>
        failure is SocketException { SocketErrorCode: SocketError.ConnectionRefused } || (failure.InnerException is { } inner && IsRefused(inner));

    private async Task<bool> PgcmAnswersAsync(CancellationToken cancellationToken)
    {
        if (_pgcm is null)
        {
            return false;
        }

        try
        {
            var answer = await _pgcm.UnaryAsync(PgcmMethods.HealthCheck, new Empty(), new GrpcCallOptions { Timeout = _budget }, cancellationToken).ConfigureAwait(false);
            return answer.Status == HealthCheckResponse.Types.Status.Healthy;
        }
        catch (GrpcException)
        {
            return false;
        }
    }
}
