using Microsoft.AspNetCore.Routing;

namespace PgCluster.Agent.Grpc;

/// <summary>The way from an application's routes to its gRPC methods.</summary>
public static class GrpcEndpointExtensions
{
    /// <summary>Starts a map of gRPC methods; once an application.</summary>
    /// <param name="endpoints">The application's routes.</param>
    /// <param name="options">What the methods accept.</param>
    public static GrpcServiceMap MapGrpc(this IEndpointRouteBuilder endpoints, GrpcServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(options);
        return new GrpcServiceMap(endpoints, options);
    }
}
