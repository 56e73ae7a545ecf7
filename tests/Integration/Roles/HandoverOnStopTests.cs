using PgCluster.Adapters.Process;
using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>An agent that is asked to stop lets its node hand over first, and the next one puts it back into service.</summary>
public sealed class HandoverOnStopTests(HandoverOnStopLab lab) : IClassFixture<HandoverOnStopLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task DQ_15_the_leader_hands_over_and_comes_back_as_a_voter_of_another_leader()
    {
        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        await lab.WaitForRolesAsync("V,V,V");
        var primary = await lab.PrimaryAsync();
        var agent = lab.Process($"agent-{primary}");
        var postmaster = lab.Postmaster(primary);

        Assert.True(agent.Signal(UnixSignal.Terminate));
        await agent.WaitForExitAsync(TimeProvider.System, Token).WaitAsync(TimeSpan.FromMinutes(3), Token);

        var next = await lab.PrimaryAsync();
        Assert.NotEqual(primary, next);
        var suspension = Assert.Single((await lab.Cluster.GetClusterAsync(Token)).SuspendedNodes);
        Assert.Equal((primary, $"agent of {primary}", true), (suspension.Name, suspension.Owner, suspension.HandsOver));
        Assert.Equal(MemberRole.Spare, (await lab.RolesAsync())!.Of(primary));
        Assert.Equal("handover", (await lab.Cluster.GetHistoryAsync(Token)).First(r => r.Kind is not ("role" or "synchronous" or "failover")).Kind);

        // It was stopped for the failover and has followed since: that is another postmaster, and it runs on without its agent.
        Assert.False(postmaster.IsRunning);
        Assert.True(lab.Postmaster(primary).IsRunning);
        await lab.WriteThroughAsync("app");

        await lab.StartAgainAsync($"agent-{primary}");
        await lab.WaitForRolesAsync("V,V,V");
        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        Assert.Equal(next, await lab.PrimaryAsync());
        Assert.Empty((await lab.Cluster.GetClusterAsync(Token)).SuspendedNodes);
    }

    [Fact]
    public async Task DQ_13_three_nodes_hand_over_and_stop_one_after_the_other()
    {
        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        await lab.WaitForRolesAsync("V,V,V");
        await lab.WriteThroughAsync("app");
        string[] nodes = [.. lab.Config.Nodes.Select(n => n.Name)];
        foreach (var node in nodes)
        {
            var agent = lab.Process($"agent-{node}");
            Assert.True(agent.Signal(UnixSignal.Terminate));
            await agent.WaitForExitAsync(TimeProvider.System, Token).WaitAsync(TimeSpan.FromMinutes(3), Token);

            // The last one has nobody to hand over to.
            if (node != nodes[^1])
            {
                Assert.Contains((await lab.Cluster.GetClusterAsync(Token)).SuspendedNodes, n => n.Name == node && n.HandsOver);
                Assert.Equal(MemberRole.Spare, (await lab.RolesAsync())!.Of(node));
                Assert.NotEqual(node, await lab.PrimaryAsync());
                await lab.WriteThroughAsync("app");
            }

            await lab.EndPostmasterAsync(node, UnixSignal.Interrupt);
        }

        foreach (var node in nodes)
        {
            await lab.StartAgainAsync($"agent-{node}");
        }

        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        await lab.WaitForRolesAsync("V,V,V");
        Assert.Equal(nodes[^1], await lab.PrimaryAsync());
    }
}
