using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using PgCluster.Agent.Hosting;

namespace PgCluster.Tests.HandoffDaemon;

/// <summary>Kestrel on a listener of the handoff: /who answers with the daemon's id, /echo with that and each line of the request as it comes.</summary>
sealed class WebServer : IAsyncDisposable
{
    readonly WebApplication _app;
    readonly Socket _listener;
    readonly DrainingTransport _transport;

    WebServer(WebApplication app, Socket listener, DrainingTransport transport)
    {
        _app = app;
        _listener = listener;
        _transport = transport;
    }

    public static async Task<WebServer> StartAsync(string id, Socket listener, bool isHttp2, string name)
    {
        var transport = new DrainingTransport();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromHours(1));
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>

            // Kestrel uses the descriptor and leaves it open: the socket it belongs to has to live as long.
            kestrel.ListenHandle((ulong)listener.SafeHandle.DangerousGetHandle(), listen =>
                listen.Protocols = isHttp2 ? HttpProtocols.Http2 : HttpProtocols.Http1));
        builder.Services.AddSingleton<IConnectionListenerFactory>(transport);
        var app = builder.Build();
        app.Use((http, next) =>
        {
            transport.HasAsked(http.Connection.Id);
            return next(http);
        });
        app.MapGet("/who", () => id);
        app.MapPost("/echo", (HttpContext http) => EchoAsync(http, id));
        await app.StartAsync();
        Lines.Say($"listening {name} {listener.LocalEndPoint}");
        return new WebServer(app, listener, transport);
    }

    /// <summary>
    /// Stops accepting, lets clients that have connected ask what they came for, and then stops as Kestrel does: requests that run may go on until the
    /// deadline.
    /// </summary>
    public async Task DrainAsync(CancellationToken deadline)
    {
        await _transport.StopAcceptingAsync();
        _listener.Dispose();
        Lines.Say("web-closed");
        await _transport.AllHaveAskedAsync(deadline);
        await _app.StopAsync(deadline);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _listener.Dispose();
    }

    static async Task EchoAsync(HttpContext http, string id)
    {
        http.Features.Get<IHttpMinRequestBodyDataRateFeature>()?.MinDataRate = null;

        // The client has a response before it says anything; starting one alone sends nothing.
        await http.Response.Body.FlushAsync(http.RequestAborted);
        using var reader = new StreamReader(http.Request.Body);
        while (await reader.ReadLineAsync(http.RequestAborted) is { } line)
        {
            await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes($"{id} {line}\n"), http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
        }
    }

    /// <summary>The daemon ends when its test says so, and not by a signal that the host takes for itself.</summary>
    sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
