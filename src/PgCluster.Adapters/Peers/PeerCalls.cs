using Google.Protobuf;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Adapters.Peers;

/// <summary>Calls to one peer; gives every failure the reason the peer named, or the one that fits a peer that does not answer.</summary>
/// <param name="at">Where it is.</param>
/// <param name="peer">Who it is, in words, for errors.</param>
/// <param name="unreachable">The reason when it does not answer.</param>
internal sealed class PeerCalls(Peer at, string peer, Reason unreachable)
{
    /// <summary>Whether it was pgsql-cluster-manager's when it was last asked.</summary>
    public bool IsPgcm => at.IsPgcm;

    /// <summary>Calls a method of ours.</summary>
    /// <exception cref="PgClusterException">Also <see cref="Reason.ForeignAgent"/>: it is pgsql-cluster-manager's agent.</exception>
    public Task<TResponse> CallAsync<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, TRequest request, CancellationToken cancellationToken)
        where TRequest : IMessage<TRequest>
        where TResponse : IMessage<TResponse>, new() => NamedAsync(at.Address, method, () => at.CallAsync(method, request, cancellationToken));

    /// <summary>Calls a method of pgsql-cluster-manager's.</summary>
    public Task<TResponse> CallPgcmAsync<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, TRequest request, CancellationToken cancellationToken)
        where TRequest : IMessage<TRequest>
        where TResponse : IMessage<TResponse>, new() => NamedAsync(at.PgcmAddress, method, () => at.CallPgcmAsync(method, request, cancellationToken));

    private async Task<TResponse> NamedAsync<TRequest, TResponse>(string address, GrpcMethod<TRequest, TResponse> method, Func<Task<TResponse>> call)
        where TRequest : IMessage<TRequest>
        where TResponse : IMessage<TResponse>, new()
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (GrpcException e) when (e.Reason is { } reason)
        {
            throw new PgClusterException(reason, e.Detail, e);
        }
        catch (PgClusterException e) when (e.Reason == Reason.ForeignAgent)
        {
            throw new PgClusterException(Reason.ForeignAgent, $"{peer} is pgsql-cluster-manager's, which does not know {method.Name}: {e.Message}", e);
        }
        catch (GrpcException e)
        {
            throw new PgClusterException(
                e.StatusCode == GrpcStatusCode.Unauthenticated ? Reason.AccessDenied : unreachable,
                $"{peer} at {address} does not answer {method.Name}: {e.Message}", e);
        }
    }
}
