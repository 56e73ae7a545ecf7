using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PgCluster.Adapters.Grpc;
using PgCluster.Agent.Grpc;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Membership;

namespace PgCluster.Agent.Hosting;

/// <summary>
/// What <c>supervise</c>, <c>proxy</c> and <c>observe</c> serve: a gRPC listener and, where asked for, an HTTP one, on sockets that a successor may go on with.
/// </summary>
internal sealed class DaemonServer : IAsyncDisposable
{
    // Requests are short, but for those that wait for a server or a pooler: a successor waits for these.
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ToAsk = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ToFinish = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(20);

    // HTTP/2's REFUSED_STREAM: nothing was done with the request, and its client asks again over another connection by itself.
    private const int Http2Refused = 0x7;

    private readonly DrainingTransport _transport;
    private readonly ConcurrentDictionary<string, long> _running = new(StringComparer.Ordinal);
    private readonly List<Socket> _sockets = [];
    private readonly CancellationTokenSource _replaced = new();
    private readonly CancellationTokenSource _streamsReplaced = new();
    private readonly CancellationTokenSource _cut = new();
    private readonly DaemonHandoff _handoff;
    private readonly TimeProvider _time;
    private int _streams;
    private volatile bool _isFollowed;
    private bool _isLeftToStreams;

    private DaemonServer(DaemonHandoff handoff, Action<KestrelServerOptions, Func<string, Func<IPEndPoint, Socket>?>>? listen, TimeProvider time)
    {
        (_handoff, _transport, _time) = (handoff, new DrainingTransport { Counted = handoff.Record.AddConnections }, time);
        var builder = Daemon.CreateBuilder();
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<IHostLifetime, SignalsElsewhere>();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = ClusterMembership.LongestDrain);
        if (listen is null)
        {
            builder.Services.AddSingleton<IServer, NoListener>();
            App = builder.Build();
            return;
        }

        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            listen(kestrel, name => handoff.IsOn ? endPoint => Keep(handoff.Listen(name, endPoint)) : null);
        });
        builder.Services.AddSingleton<IConnectionListenerFactory>(_transport);
        App = builder.Build();

        // Now, and not when it starts: what is not asked for by then is not handed over.
        _ = App.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value;
        App.Use(async (http, next) =>
        {
            _transport.HasAsked(http.Connection.Id);
            var isStream = http.GetEndpoint()?.Metadata.GetMetadata<GrpcStreamMetadata>() is not null;
            Begin(http, isStream);
            try
            {
                if (_isFollowed)
                {
                    Refuse(http);
                    return;
                }

                await next(http).ConfigureAwait(false);
            }
            finally
            {
                End(http, isStream);
            }
        });
    }

    /// <summary>The application: whatever it serves is mapped before it runs.</summary>
    public WebApplication App { get; }

    /// <summary>Makes it; listens from <see cref="RunUntilAsync"/> on.</summary>
    /// <param name="grpc">Where gRPC listens; null for nowhere.</param>
    /// <param name="http">Where plain HTTP endpoints listen; null for nowhere.</param>
    /// <param name="tls">The certificates of both listeners.</param>
    /// <param name="handoff">Has the sockets.</param>
    /// <param name="time">The clock.</param>
    public static DaemonServer Create(HostPort? grpc, HostPort? http, TlsConfig tls, DaemonHandoff handoff, TimeProvider time) => new(
        handoff,
        grpc is null && http is null ? null : (kestrel, sockets) =>
        {
            var certificates = tls.Enabled ? new GrpcTlsOptions(tls.CaFile, tls.CertFile, tls.KeyFile) : null;
            if (grpc is not null)
            {
                kestrel.ListenGrpc(grpc.Host, grpc.Port, certificates, sockets("grpc"));
            }

            if (http is not null)
            {
                kestrel.ListenHttp(http.Host, http.Port, certificates, sockets("http"));
            }
        },
        time);

    /// <summary>Makes that of a service that is for everybody: gRPC without certificates, on any address.</summary>
    public static DaemonServer CreatePlainText(HostPort address, DaemonHandoff handoff, TimeProvider time) =>
        new(handoff, (kestrel, sockets) => kestrel.ListenPlainText(address.Host, address.Port, sockets("plain")), time);

    /// <summary>Starts the map of its gRPC methods; once a server.</summary>
    public GrpcServiceMap MapGrpc() =>
        App.MapGrpc(new GrpcServerOptions { TimeProvider = _time, Replaced = _replaced.Token, StreamsReplaced = _streamsReplaced.Token }).MapHealth();

    /// <summary>Accepts nobody any more, and returns when no request runs and no stream is open, or when the token ends the wait.</summary>
    public async Task UntilUnusedAsync(CancellationToken deadline)
    {
        await _transport.StopAcceptingAsync().ConfigureAwait(false);
        _handoff.RemoveSockets();
        foreach (var socket in _sockets)
        {
            socket.Dispose();
        }

        while ((_streams > 0 || !_running.IsEmpty) && !deadline.IsCancellationRequested)
        {
            await Task.Delay(BetweenLooks, _time, deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Returns when no request has run for longer than a second: whoever drains then cuts nobody off. Streams are none: they may run for ever.</summary>
    public async Task UntilAtRestAsync(CancellationToken cancellationToken)
    {
        while (_running.Values.Any(began => _time.GetElapsedTime(began) > Short))
        {
            await Task.Delay(BetweenLooks, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Serves until one of the tokens ends it, or until one of its tasks fails: a daemon that only half works must not look alive.</summary>
    /// <param name="work">What the daemon does beside serving.</param>
    /// <param name="stop">Ends it: requests that run are told so.</param>
    /// <param name="drain">Ends it for a successor: nobody is accepted any more, and what has been asked is answered first. Open streams go on: they are the handoff's from then on.</param>
    public async Task RunUntilAsync(IReadOnlyList<Task> work, CancellationToken stop, CancellationToken drain)
    {
        await App.StartAsync(CancellationToken.None).ConfigureAwait(false);
        foreach (var task in work)
        {
            _ = task.ContinueWith(_ => App.Lifetime.StopApplication(), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }

        using (var either = CancellationTokenSource.CreateLinkedTokenSource(drain, stop, App.Lifetime.ApplicationStopping))
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (stop.IsCancellationRequested || App.Lifetime.ApplicationStopping.IsCancellationRequested)
        {
            await App.StopAsync(CancellationToken.None).ConfigureAwait(false);
        }
        else
        {
            await DrainAsync().ConfigureAwait(false);
        }

        await (work.FirstOrDefault(t => t.IsFaulted) ?? Task.CompletedTask).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_isLeftToStreams)
        {
            await App.DisposeAsync().ConfigureAwait(false);
            _streamsReplaced.Dispose();
            _cut.Dispose();
        }

        _replaced.Dispose();
        foreach (var socket in _sockets)
        {
            socket.Dispose();
        }
    }

    private async Task DrainAsync()
    {
        await _transport.StopAcceptingAsync().ConfigureAwait(false);
        using (var toAsk = new CancellationTokenSource(ToAsk, _time))
        {
            await _transport.AllHaveAskedAsync(toAsk.Token).ConfigureAwait(false);
        }

        // Every client is told to go elsewhere with what comes next, and a connection ends with its last request.
        var served = App.Services.GetRequiredService<IServer>().StopAsync(_cut.Token);
        await UntilAnsweredAsync().ConfigureAwait(false);
        await _replaced.CancelAsync().ConfigureAwait(false);
        _isFollowed = true;
        await UntilAnsweredAsync().ConfigureAwait(false);
        _handoff.Keep(new OpenStreams(App, served, () => _streams, _streamsReplaced, _cut, _time, App.Services.GetRequiredService<ILogger<OpenStreams>>()));
        _isLeftToStreams = true;
    }

    private async Task UntilAnsweredAsync()
    {
        using var toFinish = new CancellationTokenSource(ToFinish, _time);
        while (!_running.IsEmpty && !toFinish.IsCancellationRequested)
        {
            await Task.Delay(BetweenLooks, _time, toFinish.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Begin(HttpContext http, bool isStream)
    {
        if (isStream)
        {
            Interlocked.Increment(ref _streams);
        }
        else
        {
            _running[http.TraceIdentifier] = _time.GetTimestamp();
        }
    }

    private void End(HttpContext http, bool isStream)
    {
        if (isStream)
        {
            Interlocked.Decrement(ref _streams);
        }
        else
        {
            _running.TryRemove(http.TraceIdentifier, out _);
        }
    }

    private static void Refuse(HttpContext http)
    {
        if (http.Features.Get<IHttpResetFeature>() is { } stream)
        {
            stream.Reset(Http2Refused);
        }
        else
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        }
    }

    /// <summary>Kestrel uses the descriptor and leaves it open: the socket that it belongs to has to live as long.</summary>
    private Socket Keep(Socket socket)
    {
        _sockets.Add(socket);
        return socket;
    }
}
