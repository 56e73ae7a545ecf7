using System.Net;
using System.Runtime.Versioning;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Peers;
using PgCluster.Agent.Grpc;
using PgCluster.Agent.Services;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Fixtures;
using PgCluster.Tests.Integration.PgBouncer;

namespace PgCluster.Tests.Integration.Pacemaker;

/// <summary>A real PgBouncer that pgsql-cluster-manager's agent keeps, paused and resumed by our client; with TLS configured for ours that agent has none yet.</summary>
[Collection(PgBouncerGroup.Name)]
[SupportedOSPlatform("linux")]
public sealed class PgcmPoolerTests(PostgresInstance postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Its_pooler_is_paused_and_resumed_in_whole_seconds_and_what_cannot_be_known_is_said(bool tls)
    {
        using var certificates = new TestCertificates(IPAddress.Loopback);
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var agent = await PgcmAgent.StartAsync(IPAddress.Loopback, bouncer.Console());
        var config = Config(bouncer, agent.Address, tls ? certificates : null);
        using var peers = new GrpcClusterPeers(config, TimeProvider.System);
        var keeper = peers.Pooler("pg01", config.Poolers[0].Keeper.ToString());

        var seen = await keeper.GetAsync(Token);
        Assert.Equal(("pg01", PoolerState.Active, true, null), (seen.Name, seen.State, seen.IsPgcm, seen.PointsTo));
        Assert.Contains("has no word for whether its pooler is paused", seen.Evidence, StringComparison.Ordinal);

        var lease = await keeper.PauseAsync("op1", "ann", TimeSpan.FromSeconds(29.5), TimeSpan.FromSeconds(299.001), Token);
        Assert.Equal(("op1", "pg01", "ann", TimeSpan.FromSeconds(300)), (lease.Id, lease.Pooler, lease.Holder, lease.ExpiresAt - lease.CreatedAt));
        await AssertPausedAsync(bouncer, true);
        Assert.True(await keeper.ResumeAsync("op1", Token));
        await AssertPausedAsync(bouncer, false);

        // Its proxy tells nobody when it has re-pointed it.
        Assert.False(await keeper.ConfirmTargetAsync(new PoolerTarget(new PrimaryAddress("10.0.0.2", 5432)), Token));
        Assert.Equal(["pause 30 300", "resume"], agent.Calls.Where(c => c != "health_check"));
    }

    [Fact]
    public async Task A_pause_of_less_than_a_second_has_its_belt_and_one_that_is_not_reached_is_lifted()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, poolMode: "session");
        await using var agent = await PgcmAgent.StartAsync(IPAddress.Loopback, bouncer.Console());
        var config = Config(bouncer, agent.Address, null);
        using var peers = new GrpcClusterPeers(config, TimeProvider.System);
        var keeper = peers.Pooler("pg01", config.Poolers[0].Keeper.ToString());

        await keeper.PauseAsync("op1", "ann", TimeSpan.FromMinutes(1), TimeSpan.FromMilliseconds(1), Token);
        await Poll.UntilAsync("the pause has expired", async () => !await IsPausedAsync(bouncer));

        await using var session = await bouncer.OpenClientAsync();
        await using (var command = session.CreateCommand())
        {
            command.CommandText = "SELECT 1";
            await command.ExecuteScalarAsync(Token);
        }

        var late = await Assert.ThrowsAsync<PgClusterException>(() => keeper.PauseAsync("op2", "ann", TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(1), Token));
        Assert.Equal(Reason.PauseTimeout, late.Reason);
        Assert.Contains("in 1 s", late.Message, StringComparison.Ordinal);
        await AssertPausedAsync(bouncer, false);
    }

    [Fact]
    public async Task It_is_remembered_and_its_successor_of_ours_is_noticed()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        var agent = await PgcmAgent.StartAsync(IPAddress.Loopback, bouncer.Console());
        var config = Config(bouncer, agent.Address, null);
        using var peers = new GrpcClusterPeers(config, TimeProvider.System);
        var keeper = peers.Pooler("pg01", config.Poolers[0].Keeper.ToString());
        for (var i = 0; i < 3; i++)
        {
            Assert.True((await keeper.GetAsync(Token)).IsPgcm);
            Assert.Equal(Reason.ForeignAgent, (await Assert.ThrowsAsync<PgClusterException>(() => peers.Node("pg01").GetStatusAsync(Token))).Reason);
            Assert.Equal(Reason.ForeignAgent, (await Assert.ThrowsAsync<PgClusterException>(() => peers.Pacemaker("pg01").ClearMoveAsync(Token))).Reason);
        }

        // Each look asks for ours first; an order between looks loses no time with that.
        var asked = agent.Calls.Count;
        await keeper.ResumeAsync(null, Token);
        Assert.Equal("resume", Assert.Single(agent.Calls.Skip(asked)));
        await agent.DisposeAsync();
        Assert.Equal(Reason.PoolerUnreachable, (await Assert.ThrowsAsync<PgClusterException>(() => keeper.GetAsync(Token))).Reason);

        await using var kept = new KeptPooler(config, config.Poolers[0], TimeProvider.System, NullLoggerFactory.Instance);
        await using var ours = await ServeOursAsync(kept, config.Nodes[0].Agent.Port);
        Assert.False((await keeper.GetAsync(Token)).IsPgcm);
        await keeper.PauseAsync("op1", "ann", TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1), Token);
        Assert.Equal("op1", (await keeper.GetAsync(Token)).Lease?.Id);
        Assert.Equal(Reason.LockHeld, (await Assert.ThrowsAsync<PgClusterException>(() => keeper.ResumeAsync("another", Token))).Reason);
        Assert.True(await keeper.ResumeAsync("op1", Token));
    }

    [Fact]
    public async Task An_agent_of_ours_that_does_not_answer_as_it_should_is_not_taken_for_theirs()
    {
        using var certificates = new TestCertificates(IPAddress.Loopback);
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);

        // Ours serves pgsql-cluster-manager's clients at that address while it lives.
        await using var agent = await PgcmAgent.StartAsync(IPAddress.Loopback, bouncer.Console());
        var plain = Config(bouncer, agent.Address, null);
        await using var kept = new KeptPooler(plain, plain.Poolers[0], TimeProvider.System, NullLoggerFactory.Instance);
        await using var ours = await ServeOursAsync(kept, plain.Nodes[0].Agent.Port);
        foreach (var config in new[] { plain, plain with { Tls = Tls(certificates) } })
        {
            using var peers = new GrpcClusterPeers(config, TimeProvider.System);
            Assert.Equal(Reason.AgentUnreachable, (await Assert.ThrowsAsync<PgClusterException>(() => peers.Pacemaker("pg01").ClearMoveAsync(Token))).Reason);
        }

        Assert.Empty(agent.Calls);
    }

    [Fact]
    public async Task Where_Pacemaker_is_not_the_manager_nobody_is_taken_for_it()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var agent = await PgcmAgent.StartAsync(IPAddress.Loopback, bouncer.Console());
        var config = Config(bouncer, agent.Address, null) with { Manager = ClusterManager.Native };
        using var peers = new GrpcClusterPeers(config, TimeProvider.System);

        Assert.Equal(Reason.AgentUnreachable, (await Assert.ThrowsAsync<PgClusterException>(() => peers.Node("pg01").GetStatusAsync(Token))).Reason);
        Assert.Equal(Reason.PoolerUnreachable, (await Assert.ThrowsAsync<PgClusterException>(() => peers.Pooler("pg01", config.Poolers[0].Keeper.ToString()).GetAsync(Token))).Reason);
        Assert.Empty(agent.Calls);
    }

    private static TlsConfig Tls(TestCertificates certificates) => new() { CaFile = certificates.CaFile, CertFile = certificates.Client.CertFile!, KeyFile = certificates.Client.KeyFile! };

    /// <summary>Of a node where nobody listens for our agent yet.</summary>
    private static ClusterConfig Config(PgBouncerServer bouncer, HostPort pgcm, TestCertificates? certificates)
    {
        var agent = new HostPort("127.0.0.1", ServerProcess.FreePort());
        var password = Path.Combine(Path.GetDirectoryName(bouncer.ConfigFile)!, "password");
        File.WriteAllText(password, PgBouncerServer.Password, System.Text.Encoding.ASCII);
        File.SetUnixFileMode(password, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return new ClusterConfig
        {
            Name = "shop",
            Manager = ClusterManager.Pacemaker,
            Failover = new FailoverConfig { HealthCheckTimeout = TimeSpan.FromSeconds(30) },
            Tls = certificates is null ? new TlsConfig() : Tls(certificates),
            Nodes = [new NodeConfig { Name = "pg01", Host = "127.0.0.1", Agent = agent, Http = new HostPort("127.0.0.1", 8433), Pgcm = pgcm }],
            Poolers =
            [
                new PoolerConfig
                {
                    Name = "pg01", Node = "pg01", Host = "127.0.0.1", Port = bouncer.Port, Keeper = agent,
                    User = PgBouncerServer.Admin, PasswordFile = password, SocketDirectory = bouncer.Socket.Host,
                },
            ],
        };
    }

    private static async Task<WebApplication> ServeOursAsync(KeptPooler kept, int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenGrpc("127.0.0.1", port, null));
        var app = builder.Build();
        app.MapGrpc(new GrpcServerOptions()).MapPoolerKeeper([kept]);
        await app.StartAsync(Token);
        return app;
    }

    private static async Task AssertPausedAsync(PgBouncerServer bouncer, bool paused) => Assert.Equal(paused, await IsPausedAsync(bouncer));

    private static async Task<bool> IsPausedAsync(PgBouncerServer bouncer)
    {
        await using var console = bouncer.Console();
        return (await console.ShowDatabasesAsync(Token)).Any(d => d is { Name: "app", Paused: true });
    }
}
