using PgCluster.Adapters.Process;
using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>Nodes come to a cluster whose leader gives them roles.</summary>
public sealed class GrowingTests(GrowingLab lab) : IClassFixture<GrowingLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task Two_nodes_vote_a_third_makes_three_voters_at_once_and_a_fourth_is_a_stand_by()
    {
        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        await lab.WaitForRolesAsync("V,V");

        await AddAsync("pg03");
        await lab.WaitForRolesAsync("V,V,V");
        var primary = await lab.PrimaryAsync();
        await lab.WaitForListAsync(primary, "commits wait for pg03 too", l => l.Names("pg03"));
        Assert.Contains((await lab.RoleHistoryAsync())[0].Steps, s => s is { Name: "assign", Node: "pg03" } && s.Detail.StartsWith("Spare -> Voter", StringComparison.Ordinal));

        await AddAsync("pg04");
        await lab.WaitForRolesAsync("V,V,V,S");
        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        Assert.False((await lab.ListOfAsync(primary)).Names("pg04"));
        Assert.Equal(primary, await lab.PrimaryAsync());
    }

    private async Task AddAsync(string name)
    {
        await lab.StartAgentOfAsync(name);
        using var ports = new LoopbackPorts();
        var request = new AddNodeRequest
        {
            Name = name,
            Host = "127.0.0.1",
            Port = ports.Take(),
            Agent = $"127.0.0.1:{ports.Take()}",
            Http = $"127.0.0.1:{ports.Take()}",
            DataDirectory = Path.Combine(lab.Info.Path, name, "data"),
            Timeout = TimeSpan.FromMinutes(3),
            Actor = "it@here",
        };
        var report = await lab.Cluster.RunAddNodeAsync(await lab.Cluster.PlanAddNodeAsync(request, Token), request, null, Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
    }
}
