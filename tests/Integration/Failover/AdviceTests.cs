using PgCluster.Adapters.Process;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>failover.mode = "advice": decides, records, does not act.</summary>
public sealed class AdviceTests(AdviceLab lab) : IClassFixture<AdviceLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task What_would_be_done_is_in_the_history_and_nothing_is_done()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var standbys = lab.Config.Nodes.Select(n => n.Name).Where(n => n != primary).ToArray();
        lab.Postmaster(primary).Signal(UnixSignal.Kill);
        await lab.KillAsync("agent-" + primary);

        await Poll.UntilAsync("the agents say what they would do", async () => (await AdviceAsync()).Count > 0);

        var advice = Assert.Single(await AdviceAsync());
        Assert.Equal((primary, null, OperationOutcome.NeedsOperator), (advice.OldPrimary, advice.NewPrimary, advice.Outcome));
        Assert.Contains(standbys, s => advice.Why.Contains($"{s} would take over from {primary}: {s} has every commit", StringComparison.Ordinal));
        Assert.Equal(3, advice.Steps.Count);
        Assert.DoesNotContain(await lab.Cluster.GetHistoryAsync(Token), r => r.Kind == "takeover");
        Assert.All((await lab.Cluster.GetNodesAsync(Token)).Where(n => n.Name != primary), n => Assert.Equal(NodeRole.Standby, n.Role));

        await lab.StartAgainAsync("agent-" + primary);
        await lab.WaitUntilSoundAsync();
        Assert.Equal(primary, await lab.PrimaryAsync());
        Assert.Single(await AdviceAsync());
    }

    private async Task<IReadOnlyList<OperationReport>> AdviceAsync() => [.. (await lab.Cluster.GetHistoryAsync(Token)).Where(r => r.Kind == "advice")];
}
