using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Grpc;
using PgCluster.Adapters.Process;
using PgCluster.Agent.Hosting;
using PgCluster.Engine.Configuration;
using PgCluster.Protos.Health;
using PgCluster.Tests.Integration.Fixtures;
using PgCluster.Tests.Integration.Grpc;

namespace PgCluster.Tests.Integration.Upgrade;

/// <summary>A daemon's server that is drained for a successor while streams are open on it.</summary>
public sealed class StreamDrainTests : IAsyncDisposable
{
    private const uint RefusedStream = 7;
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(2);

    private readonly string _directory = Directory.CreateTempSubdirectory("pgcluster-").FullName;
    private readonly CancellationTokenSource _drain = new();
    private readonly LoopbackPorts _ports = new();
    private readonly HostPort _address;
    private DaemonHandoff _handoff = null!;
    private DaemonServer _server = null!;
    private Task _running = null!;

    public StreamDrainTests() => _address = new HostPort("127.0.0.1", _ports.Take());

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _handoff.DisposeAsync();
        _drain.Dispose();
        _ports.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task The_drain_does_not_wait_for_streams_and_they_go_on_until_the_deadline()
    {
        await StartAsync();
        using var channel = new GrpcChannel(new Uri($"http://{_address}"), new GrpcChannelOptions());
        await using var watch = await OpenAsync(channel);
        await _server.UntilAtRestAsync(Token).WaitAsync(Poll.Budget, Token);
        await Task.Delay(TimeSpan.FromSeconds(1.2), Token);
        await _server.UntilAtRestAsync(Token).WaitAsync(TimeSpan.FromMilliseconds(10), Token);
        var next = watch.MoveNextAsync().AsTask();
        var began = Stopwatch.GetTimestamp();
        await DrainAsync();
        Assert.False(next.IsCompleted);

        await _handoff.EndStreamsAsync(Token).WaitAsync(Poll.Budget, Token);
        var error = await Assert.ThrowsAsync<GrpcException>(() => next);
        Assert.Equal(GrpcStatusCode.Unavailable, error.StatusCode);
        Assert.Contains("was replaced", error.Detail, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(began) >= DrainTimeout);
    }

    [Fact]
    public async Task When_the_last_stream_has_ended_nothing_is_waited_for()
    {
        await StartAsync(TimeSpan.FromHours(1));
        using var channel = new GrpcChannel(new Uri($"http://{_address}"), new GrpcChannelOptions());
        var watch = await OpenAsync(channel);
        await DrainAsync();

        var ending = _handoff.EndStreamsAsync(Token);
        Assert.False(ending.IsCompleted);
        await watch.DisposeAsync();
        await ending.WaitAsync(Poll.Budget, Token);
    }

    [Fact]
    public async Task A_signal_ends_them_at_once()
    {
        await StartAsync(TimeSpan.FromHours(1));
        using var channel = new GrpcChannel(new Uri($"http://{_address}"), new GrpcChannelOptions());
        await using var watch = await OpenAsync(channel);
        await DrainAsync();

        using var signal = new CancellationTokenSource();
        var ending = _handoff.EndStreamsAsync(signal.Token);
        Assert.False(ending.IsCompleted);
        await signal.CancelAsync();
        await ending.WaitAsync(Poll.Budget, Token);
        Assert.Equal(GrpcStatusCode.Unavailable, (await Assert.ThrowsAsync<GrpcException>(async () => await watch.MoveNextAsync())).StatusCode);
    }

    [Fact]
    public async Task A_client_that_does_not_read_is_cut_off()
    {
        await StartAsync(TimeSpan.FromMilliseconds(200));
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await HealthCheckCall.WatchAsync(socket, _address.ToString(), Token);
        await DrainAsync();

        await _handoff.EndStreamsAsync(Token).WaitAsync(Poll.Budget, Token);
    }

    [Fact]
    public async Task A_request_that_comes_late_over_the_connection_of_a_stream_is_refused_untouched()
    {
        await StartAsync(TimeSpan.FromHours(1));
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await HealthCheckCall.WatchAsync(socket, _address.ToString(), Token);
        await DrainAsync();

        Assert.Equal(RefusedStream, await HealthCheckCall.AskAgainAsync(socket, _address.ToString()));
    }

    [Fact]
    public async Task Whoever_comes_waits_for_the_successor_and_is_refused_when_there_is_none()
    {
        await StartAsync(TimeSpan.FromHours(1));
        using var channel = new GrpcChannel(new Uri($"http://{_address}"), new GrpcChannelOptions());
        await using var watch = await OpenAsync(channel);
        await DrainAsync();
        await _server.DisposeAsync();

        var waiting = HealthCheckCall.AskAsync(IPEndPoint.Parse(_address.ToString()));
        Assert.NotSame(waiting, await Task.WhenAny(waiting, Task.Delay(TimeSpan.FromMilliseconds(200), Token)));
        using var signal = new CancellationTokenSource();
        var ending = _handoff.EndStreamsAsync(signal.Token);
        await Assert.ThrowsAsync<SocketException>(() => waiting);
        await Assert.ThrowsAsync<SocketException>(() => HealthCheckCall.AskAsync(IPEndPoint.Parse(_address.ToString())));
        Assert.False(ending.IsCompleted);
        await signal.CancelAsync();
        await ending.WaitAsync(Poll.Budget, Token);
    }

    [Fact]
    public async Task When_nobody_follows_the_next_server_of_the_process_serves_and_the_streams_end()
    {
        await StartAsync(TimeSpan.FromHours(1));
        using var channel = new GrpcChannel(new Uri($"http://{_address}"), new GrpcChannelOptions());
        await using var watch = await OpenAsync(channel);
        await DrainAsync();
        await _server.DisposeAsync();

        _server = DaemonServer.Create(_address, null, new TlsConfig(), _handoff, TimeProvider.System);
        _server.MapGrpc();
        await _handoff.ReadyAsync(Token);
        await Assert.ThrowsAsync<GrpcException>(async () => await watch.MoveNextAsync().AsTask().WaitAsync(Poll.Budget, Token));
        using var stop = new CancellationTokenSource();
        var running = _server.RunUntilAsync([], stop.Token, CancellationToken.None);
        await HealthCheckCall.AskAsync(IPEndPoint.Parse(_address.ToString()));
        await stop.CancelAsync();
        await running.WaitAsync(Poll.Budget, Token);
    }

    private async Task StartAsync(TimeSpan? drainTimeout = null)
    {
        var config = new ClusterConfig { Name = "demo", Agent = new AgentConfig { HandoffDirectory = _directory, DrainTimeout = drainTimeout ?? DrainTimeout } };
        _handoff = await DaemonHandoff.StartAsync(config, "daemon", rehearses: false, TimeProvider.System, NullLogger.Instance, Token);
        _server = DaemonServer.Create(_address, null, new TlsConfig(), _handoff, TimeProvider.System);
        _server.MapGrpc();
        await _handoff.ReadyAsync(Token);
        _running = _server.RunUntilAsync([], CancellationToken.None, _drain.Token);
    }

    private async Task DrainAsync()
    {
        await _drain.CancelAsync();
        await _running.WaitAsync(Poll.Budget, Token);
    }

    private static async Task<IAsyncEnumerator<HealthCheckResponse>> OpenAsync(GrpcChannel channel)
    {
        var watch = channel.ServerStreamingAsync(GrpcHealthMethods.Watch, new HealthCheckRequest(), GrpcCallOptions.None, Token).GetAsyncEnumerator(Token);
        Assert.True(await watch.MoveNextAsync());
        return watch;
    }
}
