using PgCluster.Engine.Pooling;
using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>The proxy on a real etcd and a real PgBouncer.</summary>
public sealed class ProxyTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task PG_27_the_stream_gives_what_is_there_and_then_each_change_until_it_is_cancelled()
    {
        await lab.Store.PutAsync("/it/stream", "initial", null, Token);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var stream = new PrimaryKeyStream(
            lab.Store, ["/it/stream"], TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(5), TimeProvider.System, NullLogger<PrimaryKeyStream>.Instance);
        var seen = new List<string?>();
        await foreach (var value in stream.ReadAllAsync(stop.Token))
        {
            seen.Add(value.Value);
            if (value.Value == "initial")
            {
                await lab.Store.PutAsync("/it/stream", "changed", null, Token);
            }
            else
            {
                await stop.CancelAsync();
            }
        }

        Assert.Equal(["initial", "changed"], seen);
    }

    [Fact]
    public async Task PG_29_PgBouncer_follows_the_key()
    {
        await lab.WaitUntilSoundAsync();

        // The agents would mend the key: they are frozen while it is somebody else's.
        var agents = lab.Info.Servers.Select(s => lab.Process("agent-" + s.Name)).ToArray();
        Array.ForEach(agents, a => a.Signal(Adapters.Process.UnixSignal.Stop));
        try
        {
            foreach (var host in (string[])["127.0.0.123", "127.0.0.456"])
            {
                await lab.Store.PutAsync("/master", host, null, Token);
                await Poll.UntilAsync(
                    $"the application pooler leads to {host}",
                    async () => (await lab.Cluster.GetPoolersAsync(Token)).Single(p => p.Name == "app").PointsTo == $"{host}:5432");
            }
        }
        finally
        {
            Array.ForEach(agents, a => a.Signal(Adapters.Process.UnixSignal.Continue));
        }

        await lab.WaitUntilSoundAsync();
        await lab.WriteThroughAsync("app");
    }

    [Fact]
    public async Task A_proxy_started_again_takes_over_where_it_was()
    {
        await lab.WaitUntilSoundAsync();
        await lab.KillAsync("proxy-app");
        await Assert.ThrowsAnyAsync<PgClusterException>(() => lab.Peers.Pooler("app", Keeper()).GetAsync(Token));
        Assert.Equal(PoolerState.Unreachable, (await lab.Cluster.GetPoolersAsync(Token)).Single(p => p.Name == "app").State);
        await lab.StartAgainAsync("proxy-app");
        await lab.WaitUntilSoundAsync();
        await lab.WriteThroughAsync("app");
    }

    private string Keeper() => lab.Config.Poolers.Single(p => p.Name == "app").Keeper.ToString();
}
