using Google.Protobuf;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Adapters.Peers;

/// <summary>Calls to one peer; gives every failure the reason the peer named, or the one that fits a peer that does not answer.</summary>
/// <param name="channel">The way to it.</param>
/// <param name="peer">Who it is, in words, for errors.</param>
/// <param name="unreachable">The reason when it does not answer.</param>
internal sealed class PeerCalls(GrpcChannel channel, string peer, Reason unreachable)
{
    public async Task<TResponse> CallAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, CancellationToken cancellationToken)
        where TRequest : IMessage<TRequest>
        where TResponse : IMessage<TResponse>, new()
    {
        try
        {
            return await channel.UnaryAsync(method, request, GrpcCallOptions.None, cancellationToken).ConfigureAwait(false);
        }
        catch (GrpcException e) when (e.Reason is { } reason)
        {
            throw new PgClusterException(reason, e.Detail, e);
        }
        catch (GrpcException e)
        {
            throw new PgClusterException(
                e.StatusCode == GrpcStatusCode.Unauthenticated ? Reason.AccessDenied : unreachable,
                $"{peer} at {channel.Address.Authority} does not answer {method.Name}: {e.Message}", e);
        }
    }
}
