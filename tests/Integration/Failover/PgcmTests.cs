using System.Net;
using System.Net.Sockets;
using PgCluster.Adapters.Grpc;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Engine.Store;
using PgCluster.Protos.Pgcm;
using PgCluster.Tests.Integration.Fixtures;
using Empty = PgCluster.Protos.Pgcm.Empty;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>Our agents under pgsql-cluster-manager's client: the same calls in the same order as its pipeline makes them.</summary>
public sealed class PgcmTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    private static readonly GrpcMethod<Empty, HealthCheckResponse> HealthCheck = new("failover.Failover", "health_check");
    private static readonly GrpcMethod<PauseRequest, PauseResponse> Pause = new("failover.Failover", "pause");
    private static readonly GrpcMethod<Empty, ResumeResponse> Resume = new("failover.Failover", "resume");
    private static readonly GrpcMethod<Empty, MigrateResponse> Migrate = new("failover.Failover", "migrate");
    private static readonly GrpcMethod<Empty, UnmigrateResponse> Unmigrate = new("failover.Failover", "unmigrate");

    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task PG_32_its_pipeline_moves_the_primary_and_no_client_notices()
    {
        await lab.WaitUntilSoundAsync();
        var sync = (await lab.Cluster.GetNodesAsync(Token)).Single(n => n.SyncState == SyncState.Sync);
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 8 }, Token);
        var agents = Agents();
        foreach (var agent in agents)
        {
            Assert.Equal(HealthCheckResponse.Types.Status.Healthy, (await CallAsync(agent, HealthCheck, new Empty())).Status);
        }

        await using (await lab.Store.AcquireLockAsync("/master/", new LockHolder("", ""), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(5), Token))
        {
            var paused = await Task.WhenAll(agents.Select(a => CallAsync(a, Pause, new PauseRequest { Timeout = 5, Expiry = 25 })));
            Assert.All(paused, p => Assert.Equal(25, (p.ExpiresAt.ToDateTime() - p.CreatedAt.ToDateTime()).TotalSeconds, 3));
            Assert.All(await NodePoolersAsync(), p => Assert.Equal(PoolerState.Paused, p.State));

            var migrated = await CallAsync(agents[^1], Migrate, new Empty());
            Assert.Equal((sync.Name, $"{sync.Host}:{sync.Port}"), (migrated.MigratingTo, migrated.Address));
            Assert.Equal(migrated.Address, (await lab.Store.GetAsync("/master", Token))!.Value);

            await CallAsync(agents[0], Unmigrate, new Empty());
            await Task.WhenAll(agents.Select(a => CallAsync(a, Resume, new Empty())));
        }

        await lab.WaitUntilSoundAsync();
        Assert.Equal(sync.Name, await lab.PrimaryAsync());
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.True(gap.ClientErrors == 0, string.Join("; ", gap.Errors));
        Assert.Equal((0L, 0L), (gap.LostCommits, gap.DoubledCommits));
        foreach (var agent in agents)
        {
            agent.Dispose();
        }
    }

    [Fact]
    public async Task PG_6_a_pause_without_time_is_DeadlineExceeded()
    {
        await lab.WaitUntilSoundAsync();
        using var agent = Agents()[0];
        var error = await Assert.ThrowsAsync<GrpcException>(() => CallAsync(agent, Pause, new PauseRequest { Timeout = 0, Expiry = 25 }));

        Assert.Equal((GrpcStatusCode.DeadlineExceeded, "exceeded pause timeout"), (error.StatusCode, error.Detail));
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task PG_4_a_pause_expires_and_PG_20_resuming_twice_is_no_error()
    {
        await lab.WaitUntilSoundAsync();
        using var agent = Agents()[0];
        await CallAsync(agent, Pause, new PauseRequest { Timeout = 5, Expiry = 1 });
        await CallAsync(agent, Pause, new PauseRequest { Timeout = 5, Expiry = 1 });
        await Poll.UntilAsync("the pause has expired", async () => (await NodePoolersAsync()).All(p => p.State == PoolerState.Active));
        await CallAsync(agent, Resume, new Empty());
        await CallAsync(agent, Resume, new Empty());
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task Migrate_without_the_lock_is_refused_and_PG_9_without_a_synchronous_standby_is_NotFound()
    {
        await lab.WaitUntilSoundAsync();
        using var agent = Agents()[0];
        var unlocked = await Assert.ThrowsAsync<GrpcException>(() => CallAsync(agent, Migrate, new Empty()));
        Assert.Equal(GrpcStatusCode.Unknown, unlocked.StatusCode);

        var primary = await lab.PrimaryAsync();
        var ports = new List<TcpListener>();
        foreach (var standby in lab.Config.Nodes.Where(n => n.Name != primary))
        {
            // Its agent would start it again at once: somebody else has its port.
            await Poll.UntilAsync("its port is taken", () =>
            {
                DataDirectoryProcesses.FindPostmaster(standby.DataDirectory)?.Signal(UnixSignal.Kill);
                var listener = new TcpListener(IPAddress.Parse(standby.Host), standby.Port);
                try
                {
                    listener.Start();
                }
                catch (SocketException)
                {
                    listener.Dispose();
                    return false;
                }

                ports.Add(listener);
                return true;
            });
        }

        await using (await lab.Store.AcquireLockAsync("/master/", new LockHolder("", ""), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(5), Token))
        {
            await Poll.UntilAsync("nobody is synchronous", async () => (await lab.Cluster.GetNodesAsync(Token)).All(n => n.SyncState == SyncState.None));
            var none = await Assert.ThrowsAsync<GrpcException>(() => CallAsync(agent, Migrate, new Empty()));
            Assert.Equal((GrpcStatusCode.NotFound, "failed to find sync node"), (none.StatusCode, none.Detail));
        }

        ports.ForEach(p => p.Dispose());
        await lab.WaitUntilSoundAsync();
    }

    private GrpcChannel[] Agents() => [.. lab.Config.Nodes.Select(n => new GrpcChannel(new Uri($"http://{n.Agent}"), new GrpcChannelOptions()))];

    private async Task<PoolerInfo[]> NodePoolersAsync() => [.. (await lab.Cluster.GetPoolersAsync(Token)).Where(p => p.Node is not null)];

    private static Task<TResponse> CallAsync<TRequest, TResponse>(GrpcChannel agent, GrpcMethod<TRequest, TResponse> method, TRequest request)
        where TRequest : Google.Protobuf.IMessage<TRequest>
        where TResponse : Google.Protobuf.IMessage<TResponse>, new() =>
        agent.UnaryAsync(method, request, new GrpcCallOptions { Timeout = TimeSpan.FromSeconds(26) }, Token);
}
