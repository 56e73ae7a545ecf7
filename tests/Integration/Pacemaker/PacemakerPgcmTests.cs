using PgCluster.Adapters.Grpc;
using PgCluster.Client;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Store;
using PgCluster.Protos.Pgcm;
using PgCluster.Tests.Integration.Fixtures;
using Empty = PgCluster.Protos.Pgcm.Empty;

namespace PgCluster.Tests.Integration.Pacemaker;

/// <summary>Our agents under pgsql-cluster-manager's client, over a real Pacemaker: the same calls in the same order as its pipeline makes them.</summary>
[Collection(PacemakerGroup.Name)]
public sealed class PacemakerPgcmTests(PacemakerCluster cluster)
{
    private static readonly GrpcMethod<Empty, HealthCheckResponse> HealthCheck = new("failover.Failover", "health_check");
    private static readonly GrpcMethod<PauseRequest, PauseResponse> Pause = new("failover.Failover", "pause");
    private static readonly GrpcMethod<Empty, ResumeResponse> Resume = new("failover.Failover", "resume");
    private static readonly GrpcMethod<Empty, MigrateResponse> Migrate = new("failover.Failover", "migrate");
    private static readonly GrpcMethod<Empty, UnmigrateResponse> Unmigrate = new("failover.Failover", "unmigrate");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PG_32_its_pipeline_moves_the_primary_and_its_nodes_clients_do_not_notice()
    {
        var tls = new GrpcTlsOptions(cluster.Config.Tls.CaFile, cluster.Config.Tls.CertFile, cluster.Config.Tls.KeyFile);
        await FailOverAsItsClientAsync([.. cluster.Config.Nodes.Select(n => new GrpcChannel(new Uri($"https://{n.Agent}"), new GrpcChannelOptions { Tls = tls }))]);
    }

    [Fact]
    public async Task Agents_on_its_configuration_file_serve_its_client_in_plain_text()
    {
        await cluster.WaitUntilSoundAsync();
        var ours = await File.ReadAllTextAsync(cluster.Hosts.ConfigFile, Token);
        await RestartAgentsOnAsync(AsItsFile(cluster.Config));
        try
        {
            await FailOverAsItsClientAsync([.. cluster.Config.Nodes.Select(n => new GrpcChannel(new Uri($"http://{PgcmOf(n)}"), new GrpcChannelOptions()))]);

            // Nothing else is to be had there.
            using var open = new GrpcChannel(new Uri($"http://{PgcmOf(cluster.Config.Nodes[0])}"), new GrpcChannelOptions());
            var refused = await Assert.ThrowsAsync<GrpcException>(() => CallAsync(open, new GrpcMethod<Empty, Empty>("pgcluster.v1.NodeAgent", "GetStatus"), new Empty()));
            Assert.Equal(GrpcStatusCode.Unimplemented, refused.StatusCode);
        }
        finally
        {
            await RestartAgentsOnAsync(ours);
        }

        await cluster.WaitUntilSoundAsync();
    }

    private async Task FailOverAsItsClientAsync(GrpcChannel[] agents)
    {
        await cluster.WaitUntilSoundAsync();
        var next = (await cluster.Cluster.GetNodesAsync(Token)).Single(n => n.SyncState == SyncState.Sync);
        var pooler = cluster.Config.Poolers.First(p => p.Node.Length > 0);
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = $"postgresql://app@{pooler.Host}:{pooler.Port}/app", Writers = 8 }, Token);
        foreach (var agent in agents)
        {
            Assert.Equal(HealthCheckResponse.Types.Status.Healthy, (await CallAsync(agent, HealthCheck, new Empty())).Status);
        }

        await using (await cluster.Store.AcquireLockAsync("/master/", new LockHolder("", ""), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(5), Token))
        {
            await Task.WhenAll(agents.Select(a => CallAsync(a, Pause, new PauseRequest { Timeout = 5, Expiry = 25 })));
            var migrated = await CallAsync(agents[^1], Migrate, new Empty());
            Assert.Equal((next.Name, next.Host), (migrated.MigratingTo, migrated.Address));
            await Poll.UntilAsync("the key has the address", async () => (await cluster.Store.GetAsync("/master", Token))?.Value == migrated.Address);
            await CallAsync(agents[0], Unmigrate, new Empty());
            await Task.WhenAll(agents.Select(a => CallAsync(a, Resume, new Empty())));
        }

        // What that client leaves to a person, our agents do.
        await cluster.WaitUntilSoundAsync();
        Assert.Equal(next.Name, await cluster.PrimaryAsync());
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.True(gap.ClientErrors == 0, string.Join("; ", gap.Errors));
        Assert.Equal((0L, 0L), (gap.LostCommits, gap.DoubledCommits));
        foreach (var agent in agents)
        {
            agent.Dispose();
        }
    }

    private static HostPort PgcmOf(NodeConfig node) => new(node.Host, 8080);

    /// <summary>The cluster in that product's keys, with tables of ours for what it has no word for. The data directory is Pacemaker's to say.</summary>
    private static string AsItsFile(ClusterConfig config)
    {
        var nodes = config.Nodes.Select(n => n with { DataDirectory = "", Pgcm = PgcmOf(n) });
        string[] tables = ["tls]", "postgres]", "[nodes]]", "[poolers]]"];
        var ours = ConfigRenderer.Render(config with { Nodes = [.. nodes] }, comments: false).Split("\n[").Where(table => tables.Any(name => table.StartsWith(name, StringComparison.Ordinal)));
        return $"""
            etcd-endpoints = [{string.Join(", ", config.Etcd.Endpoints.Select(e => $"\"{e}\""))}]
            etcd-namespace = "{config.Etcd.Namespace}"
            etcd-postgres-master-key = "{config.Etcd.PrimaryKey}"
            pause-timeout = "5s"
            pause-expiry = "25s"
            pacemaker-timeout = "20s"
            postgres-master-crm-xpath = "//node/instance_attributes/nvpair[@value='LATEST']/../.."

            """ + string.Concat(ours.Select(table => "\n[" + table));
    }

    private async Task RestartAgentsOnAsync(string configuration)
    {
        // In place: it stays the agents' own to read.
        await File.WriteAllTextAsync(cluster.Hosts.ConfigFile, configuration, Token);
        foreach (var unit in cluster.Config.Nodes.Select(n => cluster.Hosts.Unit("agent-" + n.Name)))
        {
            await unit.StopAsync(Token);
            await unit.StartAsync(Token);
        }

        await cluster.WaitUntilSoundAsync();
    }

    private static Task<TResponse> CallAsync<TRequest, TResponse>(GrpcChannel agent, GrpcMethod<TRequest, TResponse> method, TRequest request)
        where TRequest : Google.Protobuf.IMessage<TRequest>
        where TResponse : Google.Protobuf.IMessage<TResponse>, new() =>
        agent.UnaryAsync(method, request, new GrpcCallOptions { Timeout = TimeSpan.FromSeconds(26) }, Token);
}
