using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Agent.Grpc;

/// <summary>Puts gRPC methods on an application's routes. A gRPC call to any other path is answered <see cref="GrpcStatusCode.Unimplemented"/>.</summary>
/// <remarks>
/// A handler ends its call by returning (Ok), or with an exception: <see cref="GrpcException"/> becomes its status with message and trailers;
/// <see cref="PgClusterException"/> a status chosen from its reason, with the reason's name in the trailers; anything else Unknown, without a word of
/// what it was.
/// </remarks>
public sealed class GrpcServiceMap
{
    private readonly IEndpointRouteBuilder _endpoints;
    private readonly GrpcServerOptions _options;
    private readonly CancellationToken _stopping;
    private readonly ILogger _logger;
    private readonly HashSet<string> _services = new(StringComparer.Ordinal);

    internal GrpcServiceMap(IEndpointRouteBuilder endpoints, GrpcServerOptions options)
    {
        _endpoints = endpoints;
        _options = options;
        _stopping = endpoints.ServiceProvider.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        _logger = endpoints.ServiceProvider.GetRequiredService<ILoggerFactory>().CreateLogger<GrpcServiceMap>();
        endpoints.MapFallback("{**path}", RefuseAsync);
    }

    /// <summary>Serves a method that takes one message and answers with one.</summary>
    public GrpcServiceMap MapUnary<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, Func<TRequest, GrpcServerContext, Task<TResponse>> handler)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new() =>
        Map(method, isStream: false, async call =>
        {
            TRequest request = await call.ReadSingleAsync().ConfigureAwait(false);
            call.SetAnswer(await handler(request, call.Context).ConfigureAwait(false));
        });

    /// <summary>Serves a method that takes one message and answers with any number.</summary>
    public GrpcServiceMap MapServerStreaming<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, Func<TRequest, IGrpcServerStream<TResponse>, GrpcServerContext, Task> handler)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new() =>
        Map(method, isStream: true, async call =>
        {
            TRequest request = await call.ReadSingleAsync().ConfigureAwait(false);
            await handler(request, call, call.Context).ConfigureAwait(false);
        });

    /// <summary>Serves a method in which both ends send any number of messages.</summary>
    public GrpcServiceMap MapDuplex<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method,
        Func<IAsyncEnumerable<TRequest>, IGrpcServerStream<TResponse>, GrpcServerContext, Task> handler)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new() =>
        Map(method, isStream: true, call => handler(call.ReadAllAsync(CancellationToken.None), call, call.Context));

    /// <summary>True for a service that has a method here, and for the empty name: the server as a whole.</summary>
    internal bool Serves(string service) => service.Length == 0 || _services.Contains(service);

    private static Task RefuseAsync(HttpContext context)
    {
        if (GrpcMetadata.IsGrpc(context.Request.ContentType))
        {
            GrpcServerResponse.WriteTrailersOnly(
                context.Response, new GrpcException(GrpcStatusCode.Unimplemented, $"No method {context.Request.Path} is served here."));
        }
        else
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
        }

        return Task.CompletedTask;
    }

    private GrpcServiceMap Map<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, bool isStream, Func<GrpcServerCall<TRequest, TResponse>, Task> serve)
        where TRequest : IMessage<TRequest>, new()
        where TResponse : IMessage<TResponse>, new()
    {
        _services.Add(method.Service);
        CancellationToken replaced = isStream ? _options.StreamsReplaced : _options.Replaced;
        IEndpointConventionBuilder endpoint = _endpoints.MapPost(method.Path, async (HttpContext context) =>
        {
            if (!GrpcMetadata.IsGrpc(context.Request.ContentType))
            {
                context.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
                return;
            }

            if (!HttpProtocol.IsHttp2(context.Request.Protocol))
            {
                // Older HTTP has no trailers a gRPC client would read.
                context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
                context.Response.Headers.Upgrade = "h2c";
                return;
            }

            using var call = new GrpcServerCall<TRequest, TResponse>(context, _options, _logger, _stopping, replaced);
            await call.RunAsync(serve).ConfigureAwait(false);
        });
        if (isStream)
        {
            endpoint.WithMetadata(GrpcStreamMetadata.Instance);
        }

        return this;
    }
}
