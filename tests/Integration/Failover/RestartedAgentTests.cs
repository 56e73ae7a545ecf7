using PgCluster.Engine.Leadership;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>An agent that ends takes nothing with it: the next one goes on with the server, and with the leadership, that it finds.</summary>
public sealed class RestartedAgentTests(LongLeaseLab lab) : IClassFixture<LongLeaseLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_killed_agents_successor_adopts_its_server()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        foreach (var node in lab.Info.Servers)
        {
            var postmaster = lab.Postmaster(node.Name);
            var term = await TermAsync();
            await lab.KillAsync("agent-" + node.Name);
            await lab.StartAgainAsync("agent-" + node.Name);
            Assert.True(postmaster.IsRunning, $"{node.Name} did not survive its agent");
            await Poll.UntilAsync("the new agent does the work of the old one", async () => node.Name == primary ? await TermAsync() != term : await AnswersAsync(node.Name), TimeSpan.FromMinutes(3));
            await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
            Assert.Equal(postmaster, lab.Postmaster(node.Name));
        }

        Assert.Equal(primary, await lab.PrimaryAsync());
    }

    private async Task<string?> TermAsync() => LeaderRecord.FromJson((await lab.Store.GetAsync(StoreKeys.Leader, Token))?.Value)?.Term;

    private async Task<bool> AnswersAsync(string node)
    {
        try
        {
            await lab.Peers.Node(node).GetStatusAsync(Token);
            return true;
        }
        catch (PgClusterException)
        {
            return false;
        }
    }
}
