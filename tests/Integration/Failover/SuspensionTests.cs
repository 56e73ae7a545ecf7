using PgCluster.Adapters.Process;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>While a person works on a cluster nobody takes over; afterwards everything is as it was.</summary>
public sealed class SuspensionTests(FastLeaderLab lab) : IClassFixture<FastLeaderLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_suspended_cluster_replaces_nobody_until_it_is_resumed()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var suspension = await lab.Cluster.SuspendAsync(TimeSpan.FromMinutes(10), "a look inside", "it@here", Token);
        Assert.Equal(suspension with { Cluster = lab.Config.Name }, (await lab.Cluster.GetClusterAsync(Token)).Suspension);
        Assert.True((await lab.Cluster.RehearseElectionAsync(Token)).Suspended);
        await UnguardedAsync(true);

        // Its agent dies for good, and its lease ends: without the suspension the guard would have stopped the server and another would lead.
        var postmaster = lab.Postmaster(primary);
        await lab.KillAsync("agent-" + primary);
        await Poll.UntilAsync("the lease has ended", async () => await lab.Store.GetAsync(Engine.Topology.StoreKeys.Leader, Token) is null);
        Assert.True(postmaster.IsRunning, "the guard stopped the primary of a suspended cluster");
        Assert.Equal(lab.PortOf(primary), await lab.WriteThroughAsync("app"));

        // Resumed while the old primary still runs without an agent: that its lease has ended proves nothing, so nobody takes over.
        Assert.Equal("a look inside", (await lab.Cluster.ResumeAsync("it@here", Token))!.Why);
        var outlook = await lab.Cluster.RehearseElectionAsync(Token);
        Assert.Null(outlook.Winner);
        Assert.Contains("without a guard", outlook.Evidence, StringComparison.Ordinal);
        Assert.Equal(lab.PortOf(primary), await lab.WriteThroughAsync("app"));

        await lab.StartAgainAsync("agent-" + primary);
        await lab.WaitUntilSoundAsync();
        Assert.Equal((primary, postmaster), (await lab.PrimaryAsync(), lab.Postmaster(primary)));
        await UnguardedAsync(false);
        Assert.Equal(["resume", "suspend"], (await lab.Cluster.GetHistoryAsync(Token)).Select(r => r.Kind).Take(2));
        Assert.Null(await lab.Cluster.ResumeAsync("it@here", Token));
    }

    [Fact]
    public async Task A_server_that_is_down_stays_down_while_the_cluster_is_suspended()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var standby = lab.Config.Nodes.First(n => n.Name != primary).Name;
        await lab.Cluster.SuspendAsync(TimeSpan.FromMinutes(10), "work on a standby", "it@here", Token);
        await UnguardedAsync(true);
        var postmaster = lab.Postmaster(standby);
        postmaster.Signal(UnixSignal.Kill);
        await Poll.UntilAsync(
            "its agent has seen it down", async () => (await lab.Cluster.GetNodesAsync(Token)).Single(n => n.Name == standby).State == NodeState.Crashed);
        Assert.False(postmaster.IsRunning);

        await lab.Cluster.ResumeAsync("it@here", Token);
        await lab.WaitUntilSoundAsync();
        Assert.Equal(primary, await lab.PrimaryAsync());
    }

    [Fact]
    public async Task A_suspension_ends_by_itself()
    {
        await lab.Cluster.SuspendAsync(TimeSpan.FromSeconds(2), "short", "it@here", Token);
        await Poll.UntilAsync("it is over", async () => (await lab.Cluster.GetClusterAsync(Token)).Suspension is null);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8 * 24)]
    public async Task A_suspension_has_a_sensible_length(int hours)
    {
        var refused = await Assert.ThrowsAsync<PgClusterException>(() => lab.Cluster.SuspendAsync(TimeSpan.FromHours(hours), "w", "it@here", Token));

        Assert.Equal(Reason.InvalidArgument, refused.Reason);
        Assert.Contains("7 days", refused.Message, StringComparison.Ordinal);
    }

    private async Task UnguardedAsync(bool expected)
    {
        var saidAt = 0L;
        await Poll.UntilAsync("the leader has said whether it is guarded, and once more after it has done so", async () =>
        {
            var entry = await lab.Store.GetAsync(Engine.Topology.StoreKeys.LastLeader, Token);
            saidAt = Engine.Leadership.LastLeader.FromJson(entry?.Value)?.Unguarded != expected ? 0 : saidAt == 0 ? entry!.ModRevision : saidAt;
            return saidAt != 0 && entry!.ModRevision > saidAt;
        });
    }
}
