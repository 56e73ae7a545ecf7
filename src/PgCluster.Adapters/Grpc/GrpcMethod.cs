using Google.Protobuf;

namespace PgCluster.Adapters.Grpc;

/// <summary>One method of a gRPC service: what is asked with, and what is answered with.</summary>
/// <typeparam name="TRequest">The message a caller sends.</typeparam>
/// <typeparam name="TResponse">The message the server sends.</typeparam>
/// <param name="Service">The service with its package, as <c>package.Service</c>.</param>
/// <param name="Name">The method's name as the proto file spells it.</param>
public sealed record GrpcMethod<TRequest, TResponse>(string Service, string Name)
    where TRequest : IMessage<TRequest>
    where TResponse : IMessage<TResponse>, new()
{
    /// <summary>The HTTP/2 path of the method.</summary>
    public string Path => $"/{Service}/{Name}";
}
