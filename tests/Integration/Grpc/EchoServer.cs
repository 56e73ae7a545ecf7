using System.Net;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Grpc;
using PgCluster.Agent.Grpc;
using PgCluster.Tests.Integration.Grpc.Wire;

namespace PgCluster.Tests.Integration.Grpc;

/// <summary>echo.proto served by our side, in this process.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _cancelled;

    private EchoServer(WebApplication app) => _app = app;

    /// <summary>How many handlers saw their call's token fire.</summary>
    internal int Cancelled => Volatile.Read(ref _cancelled);

    internal Uri Address { get; private set; } = null!;

    internal string HostAndPort => Address.Authority;

    internal static async Task<EchoServer> StartAsync(
        GrpcTlsOptions? tls = null, GrpcServerOptions? options = null, Action<IEndpointRouteBuilder>? more = null, int port = 0, ILoggerProvider? log = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (log is not null)
        {
            builder.Logging.AddProvider(log);
        }

        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(5));
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenGrpc("127.0.0.1", port, tls));
        WebApplication app = builder.Build();
        var server = new EchoServer(app);
        app.MapGrpc(options ?? new GrpcServerOptions())
            .MapUnary(EchoMethods.Say, server.SayAsync)
            .MapServerStreaming(EchoMethods.Count, server.CountAsync)
            .MapDuplex(EchoMethods.Talk, server.TalkAsync)
            .MapUnary(EchoMethods.Seen, (_, _) => Task.FromResult(new SeenReply { Cancelled = server.Cancelled }))
            .MapHealth();
        more?.Invoke(app);
        await app.StartAsync();
        string bound = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        server.Address = new Uri(bound);
        return server;
    }

    /// <summary>Stops as the host does on SIGTERM.</summary>
    internal Task StopAsync() => _app.StopAsync();

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static EchoReply Answer(EchoRequest request, GrpcServerContext context, int number) => new()
    {
        Text = request.Text,
        Payload = request.Payload,
        Number = number,
        Metadata = context.RequestMetadata.FirstOrDefault(entry => entry.Key == "x-test").Value ?? "",
    };

    private static void ThrowIfAsked(EchoRequest request)
    {
        switch (request.FailCode)
        {
            case 0:
                return;
            case 1000:
                throw new PgClusterException(Reason.LockHeld, request.FailMessage);
            case 1001:
                throw new InvalidDataException("secret of the server");
            default:
                throw new GrpcException((GrpcStatusCode)request.FailCode, request.FailMessage) { Trailers = [new("x-why", "asked for")] };
        }
    }

    private async Task HangAsync(GrpcServerContext context)
    {
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
        }
        finally
        {
            Interlocked.Increment(ref _cancelled);
        }
    }

    private async Task<EchoReply> SayAsync(EchoRequest request, GrpcServerContext context)
    {
        ThrowIfAsked(request);
        if (request.Hang)
        {
            await HangAsync(context);
        }

        return Answer(request, context, 0);
    }

    private async Task CountAsync(EchoRequest request, IGrpcServerStream<EchoReply> replies, GrpcServerContext context)
    {
        try
        {
            for (int i = 0; i < request.Count; i++)
            {
                await replies.WriteAsync(Answer(request, context, i));
            }
        }
        catch (OperationCanceledException)
        {
            Interlocked.Increment(ref _cancelled);
            throw;
        }

        ThrowIfAsked(request);
        if (request.Hang)
        {
            await HangAsync(context);
        }
    }

    private async Task TalkAsync(IAsyncEnumerable<EchoRequest> requests, IGrpcServerStream<EchoReply> replies, GrpcServerContext context)
    {
        int number = 0;
        try
        {
            await foreach (EchoRequest request in requests)
            {
                ThrowIfAsked(request);
                if (!request.Hang)
                {
                    await replies.WriteAsync(Answer(request, context, number++));
                }
            }
        }
        catch (OperationCanceledException)
        {
            Interlocked.Increment(ref _cancelled);
            throw;
        }
    }
}
