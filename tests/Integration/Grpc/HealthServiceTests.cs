using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Grpc;
using PgCluster.Agent.Grpc;
using PgCluster.Protos.Health;
using Status = PgCluster.Protos.Health.HealthCheckResponse.Types.ServingStatus;

namespace PgCluster.Tests.Integration.Grpc;

/// <summary>gRPC's health service beside a service that it speaks of.</summary>
public sealed class HealthServiceTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("")]
    [InlineData("pgcluster.test.v1.Echo")]
    [InlineData("grpc.health.v1.Health")]
    public async Task What_is_served_is_serving(string service)
    {
        await using var server = await EchoServer.StartAsync();
        using var channel = new GrpcChannel(server.Address, new GrpcChannelOptions());

        Assert.Equal(Status.Serving, (await CheckAsync(channel, service)).Status);
        Assert.Equal(Status.Serving, await FirstAsync(channel, service));
    }

    [Theory]
    [InlineData("pgcluster.test.v1.Other")]
    [InlineData("pgcluster.test.v1.echo")]
    public async Task Another_name_is_not_found_and_can_be_watched(string service)
    {
        await using var server = await EchoServer.StartAsync();
        using var channel = new GrpcChannel(server.Address, new GrpcChannelOptions());

        Assert.Equal(GrpcStatusCode.NotFound, (await Assert.ThrowsAsync<GrpcException>(() => CheckAsync(channel, service))).StatusCode);
        Assert.Equal(Status.ServiceUnknown, await FirstAsync(channel, service));
    }

    [Fact]
    public async Task A_watch_stays_open_until_the_server_stops()
    {
        var server = await EchoServer.StartAsync();
        using var channel = new GrpcChannel(server.Address, new GrpcChannelOptions());
        await using var statuses = channel.ServerStreamingAsync(GrpcHealthMethods.Watch, new HealthCheckRequest(), GrpcCallOptions.None, Token).GetAsyncEnumerator(Token);
        Assert.True(await statuses.MoveNextAsync());

        var next = statuses.MoveNextAsync().AsTask();
        Assert.Equal(Status.Serving, (await CheckAsync(channel, "")).Status);
        Assert.False(next.IsCompleted);
        await server.DisposeAsync();
        Assert.Equal(GrpcStatusCode.Unavailable, (await Assert.ThrowsAsync<GrpcException>(() => next)).StatusCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_that_goes_away_ends_its_watch_and_nothing_is_logged_as_wrong(bool isCutOff)
    {
        using var log = new LogList();
        await using var server = await EchoServer.StartAsync(log: log);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using (var channel = new GrpcChannel(server.Address, new GrpcChannelOptions()))
        {
            if (isCutOff)
            {
                // As when its process is killed.
                await HealthCheckCall.WatchAsync(socket, server.HostAndPort, Token);
                socket.LingerState = new LingerOption(enable: true, seconds: 0);
                socket.Close();
            }
            else
            {
                Assert.Equal(Status.Serving, await FirstAsync(channel, ""));
            }

            await Wait.UntilAsync("the server has seen the end of the watch", () => Task.FromResult(log.Lines.Any(line => line.Text.Contains("Health/Watch", StringComparison.Ordinal) && line.Text.Contains("Cancelled", StringComparison.Ordinal))));
        }

        Assert.DoesNotContain(log.Lines, line => line.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task A_call_that_is_written_by_hand_is_answered()
    {
        await using var server = await EchoServer.StartAsync();

        await HealthCheckCall.AskAsync(System.Net.IPEndPoint.Parse(server.HostAndPort));

        await server.DisposeAsync();
        await Assert.ThrowsAsync<SocketException>(() => HealthCheckCall.AskAsync(System.Net.IPEndPoint.Parse(server.HostAndPort)));
    }

    private static Task<HealthCheckResponse> CheckAsync(GrpcChannel channel, string service) =>
        channel.UnaryAsync(GrpcHealthMethods.Check, new HealthCheckRequest { Service = service }, GrpcCallOptions.None, Token);

    private static async Task<Status> FirstAsync(GrpcChannel channel, string service)
    {
        await foreach (var answer in channel.ServerStreamingAsync(GrpcHealthMethods.Watch, new HealthCheckRequest { Service = service }, GrpcCallOptions.None, Token))
        {
            return answer.Status;
        }

        throw new InvalidOperationException("The watch ended without a status.");
    }
}
