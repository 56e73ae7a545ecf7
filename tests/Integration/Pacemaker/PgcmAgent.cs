using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Grpc;
using PgCluster.Adapters.Peers;
using PgCluster.Adapters.PgBouncer;
using PgCluster.Agent.Grpc;
using PgCluster.Engine.Configuration;
using PgCluster.Protos.Pgcm;

namespace PgCluster.Tests.Integration.Pacemaker;

/// <summary>
/// A stand-in for pgsql-cluster-manager's agent on the wire: plain text, its own service and no other, and its ways: whole seconds, a timeout of 0 that is over at once, an expiry of 0 that never comes, and one that
/// belongs to no pause.
/// </summary>
internal sealed class PgcmAgent : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly PgBouncerConsole _console;
    private readonly ConcurrentQueue<string> _calls = [];

    private PgcmAgent(WebApplication app, PgBouncerConsole console) => (_app, _console) = (app, console);

    /// <summary>What it was asked, in order: the method, and of a pause its two numbers.</summary>
    public IReadOnlyList<string> Calls => [.. _calls];

    public HostPort Address { get; private set; } = null!;

    /// <summary>Starts one.</summary>
    /// <param name="address">Where it listens.</param>
    /// <param name="console">Its PgBouncer's; the agent disposes it.</param>
    /// <param name="port">0 for any.</param>
    public static async Task<PgcmAgent> StartAsync(IPAddress address, PgBouncerConsole console, int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(address, port, listen => listen.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        var agent = new PgcmAgent(app, console);
        app.MapGrpc(new GrpcServerOptions())
            .MapUnary(PgcmMethods.HealthCheck, (_, _) => Task.FromResult(agent.Was("health_check", new HealthCheckResponse { Status = HealthCheckResponse.Types.Status.Healthy })))
            .MapUnary(PgcmMethods.Pause, agent.PauseAsync)
            .MapUnary(PgcmMethods.Resume, agent.ResumeAsync)
            .MapUnary(PgcmMethods.Migrate, (_, _) => Task.FromResult(agent.Was("migrate", new MigrateResponse())))
            .MapUnary(PgcmMethods.Unmigrate, (_, _) => Task.FromResult(agent.Was("unmigrate", new UnmigrateResponse())));
        await app.StartAsync();
        var bound = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        agent.Address = new HostPort(address.ToString(), bound.Port);
        return agent;
    }

    public async ValueTask DisposeAsync()
    {
        using var atOnce = new CancellationTokenSource(TimeSpan.Zero);
        await _app.StopAsync(atOnce.Token);
        await _app.DisposeAsync();
        await _console.DisposeAsync();
    }

    private static Timestamp Now() => Timestamp.FromDateTimeOffset(DateTimeOffset.UtcNow);

    private T Was<T>(string call, T answer)
    {
        _calls.Enqueue(call);
        return answer;
    }

    private async Task<PauseResponse> PauseAsync(PauseRequest request, GrpcServerContext call)
    {
        _calls.Enqueue($"pause {request.Timeout} {request.Expiry}");
        var created = Now();
        using var budget = new CancellationTokenSource(TimeSpan.FromSeconds(request.Timeout));
        try
        {
            await _console.PauseAsync(budget.Token);
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException)
        {
            throw budget.IsCancellationRequested
                ? new GrpcException(GrpcStatusCode.DeadlineExceeded, "exceeded pause timeout", e)
                : new GrpcException(GrpcStatusCode.Unknown, e.Message, e);
        }

        if (request.Expiry > 0)
        {
            _ = ExpireAsync(TimeSpan.FromSeconds(request.Expiry));
        }

        return new PauseResponse { CreatedAt = created, ExpiresAt = Timestamp.FromDateTimeOffset(created.ToDateTimeOffset() + TimeSpan.FromSeconds(request.Expiry)) };
    }

    private async Task ExpireAsync(TimeSpan expiry)
    {
        await Task.Delay(expiry);
        try
        {
            await _console.ResumeAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is PgClusterException or ObjectDisposedException)
        {
            // Its PgBouncer, or the test, is over.
        }
    }

    private async Task<ResumeResponse> ResumeAsync(Protos.Pgcm.Empty request, GrpcServerContext call)
    {
        await _console.ResumeAsync(call.CancellationToken);
        return Was("resume", new ResumeResponse { CreatedAt = Now() });
    }
}
