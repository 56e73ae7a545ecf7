using PgCluster.Adapters.Process;
using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>Nodes come to a cluster whose leader gives them roles. The second one votes at once here, where the specification has it wait for a third: commits can wait for it, and it can be elected.</summary>
[Collection(ManyNodesGroup.Name)]
public sealed class GrowingTests(GrowingLab lab) : IClassFixture<GrowingLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task DQ_2_to_8_nodes_that_come_one_by_one_are_three_voters_three_stand_bys_and_a_spare()
    {
        // DQ-2
        var members = await lab.HaveAsync(2);
        var (primary, second) = (members[0], members[1]);
        await lab.WaitForRolesAsync("V,V", members);
        await lab.WaitForVotersAsync(primary, second);

        // DQ-4
        var third = await lab.GrowAsync(members);
        await lab.WaitForRolesAsync("V,V,V", members);
        await lab.WaitForVotersAsync(primary, second, third);
        Assert.Contains((await lab.RoleHistoryAsync())[0].Steps, s => s.Name == "assign" && s.Node == third && s.Detail.StartsWith("Spare -> Voter", StringComparison.Ordinal));

        // DQ-3: the configuration file does not name it.
        await RestartAsync(third, members);
        await lab.WaitForRolesAsync("V,V,V", members);
        await lab.WaitForVotersAsync(primary, second, third);

        // DQ-5 to DQ-8
        foreach (var roles in new[] { "V,V,V,S", "V,V,V,S,S", "V,V,V,S,S,S", "V,V,V,S,S,S,P" })
        {
            await lab.GrowAsync(members);
            await lab.WaitForRolesAsync(roles, members);
        }

        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        await lab.WaitForVotersAsync(primary, second, third);
        Assert.Equal(primary, await lab.PrimaryAsync());
    }

    [Fact]
    public async Task DQ_10_of_two_the_leader_hands_over_and_the_other_one_leads()
    {
        var members = await lab.HaveAsync(2);
        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        await lab.WaitForRolesAsync("V,V", members);

        var report = await lab.HandOverAsync(members[0]);

        Assert.Contains(report.Steps, s => s.Name == "failover");
        await lab.WaitForRolesAsync("P,V", members);
        Assert.Equal(members[1], await lab.PrimaryAsync());
        await lab.WriteThroughAsync("app");

        Assert.NotNull(await lab.Cluster.ResumeNodeAsync(members[0], "it@here", Token));
        await lab.WaitForRolesAsync("V,V", members);
        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        Assert.Equal(members[1], await lab.PrimaryAsync());
    }

    /// <summary>Loses a node's server and agent, and starts the agent again as it was started before.</summary>
    private async Task RestartAsync(string node, IReadOnlyList<string> members)
    {
        var before = (await lab.Cluster.GetNodesAsync(Token)).Single(n => n.Name == node);
        await lab.KillAsync($"agent-{node}");
        await lab.EndPostmasterAsync(node, UnixSignal.Kill);
        await lab.StartAgentOfAsync(node);
        await lab.Cluster.WaitForNodesAsync(members, NodeCondition.Ready, TimeSpan.FromMinutes(3), null, Token);
        var after = (await lab.Cluster.GetNodesAsync(Token)).Single(n => n.Name == node);
        Assert.Equal((before.SystemIdentifier, before.Host, before.Port, before.Upstream), (after.SystemIdentifier, after.Host, after.Port, after.Upstream));
    }
}
