using PgCluster.Adapters.Process;
using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>A cluster of one.</summary>
public sealed class OneNodeTests(OneNodeLab lab) : IClassFixture<OneNodeLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task DQ_1_one_node_leads_and_votes()
    {
        await lab.Cluster.WaitForNodesAsync(null, NodeCondition.Ready, TimeSpan.FromMinutes(3), null, Token);
        await lab.WaitForRolesAsync("V");
        Assert.Equal("pg01", await lab.PrimaryAsync());
        await lab.WriteThroughAsync("app");
    }

    [Fact]
    public async Task DQ_12_it_has_nobody_to_hand_over_to_and_stops_and_comes_back()
    {
        await lab.Cluster.WaitForNodesAsync(null, NodeCondition.Ready, TimeSpan.FromMinutes(3), null, Token);
        var plan = await lab.Cluster.PlanNodeSuspensionAsync(new NodeSuspensionRequest { Node = "pg01", HandsOver = true }, Token);
        Assert.Empty(plan.Steps);
        Assert.All(plan.Checks, c => Assert.Equal(CheckStatus.Passed, c.Status));

        var agent = lab.Process("agent-pg01");
        Assert.True(agent.Signal(UnixSignal.Terminate));
        await agent.WaitForExitAsync(TimeProvider.System, Token).WaitAsync(TimeSpan.FromMinutes(3), Token);
        await lab.EndPostmasterAsync("pg01", UnixSignal.Interrupt);
        await lab.StartAgainAsync("agent-pg01");

        await lab.Cluster.WaitForNodesAsync(null, NodeCondition.Ready, TimeSpan.FromMinutes(3), null, Token);
        await lab.WaitForRolesAsync("V");
        await lab.WriteThroughAsync("app");
    }
}
