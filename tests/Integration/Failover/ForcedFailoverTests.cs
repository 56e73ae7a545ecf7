using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>Where nobody takes over by himself, a person does.</summary>
public sealed class ForcedFailoverTests(ManualLab lab) : IClassFixture<ManualLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_primary_that_is_gone_is_replaced_by_force_without_losing_a_commit_and_does_not_come_back_as_a_second_one()
    {
        await lab.WaitUntilSoundAsync();
        var old = await lab.PrimaryAsync();
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 8 }, Token);
        var agent = lab.Process("agent-" + old);

        // An agent that is frozen while its server lives is no reason to make a second primary.
        agent.Signal(UnixSignal.Stop);
        Assert.Equal(Reason.OldPrimaryStillRunning, (await RefusalAsync(new FailoverRequest { Force = true, AllowDataLoss = true }))!.Reason);

        lab.Postmaster(old).Signal(UnixSignal.Kill);
        agent.Signal(UnixSignal.Kill);
        await agent.WaitForExitAsync(TimeProvider.System, Token);
        await Poll.UntilAsync("the old primary is gone", async () => (await RefusalAsync(new FailoverRequest()))?.Reason == Reason.ForceRequired);

        await Poll.UntilAsync("its lease has ended", async () => (await RefusalAsync(new FailoverRequest { Force = true }))?.Reason != Reason.OldPrimaryStillRunning);

        // Under its agent's dead hand its pooler cannot be paused; Force goes on without it.
        var request = new FailoverRequest { Force = true, Why = "host gone", Actor = "it" };
        var plan = await lab.Cluster.PlanFailoverAsync(request, Token);
        var report = await lab.Cluster.RunFailoverAsync(plan, request, null, Token);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, $"{report.Error} {string.Join(" | ", report.Steps)}");
        Assert.True(report.Forced);
        Assert.NotEqual(old, report.NewPrimary);
        await Poll.UntilAsync("writes reach the new primary", async () => await lab.WriteThroughAsync("app") == lab.PortOf(report.NewPrimary!));
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.Equal((0L, 0L), (gap.LostCommits, gap.DoubledCommits));

        // Its log may hold what nobody else has: that is taken back, and it follows.
        await lab.StartAgainAsync("agent-" + old);
        await lab.WaitUntilSoundAsync();
        Assert.Equal(report.NewPrimary, await lab.PrimaryAsync());
        Assert.Equal($"127.0.0.1:{lab.PortOf(report.NewPrimary!)}", (await lab.Store.GetAsync("/master", Token))!.Value);
    }

    private async Task<PgClusterException?> RefusalAsync(FailoverRequest request) =>
        ClusterConnection.RefusalOf(await lab.Cluster.PlanFailoverAsync(request, Token));

    private async Task<ClusterNode> NodeAsync(string name) => (await lab.Cluster.GetNodesAsync(Token)).Single(n => n.Name == name);
}
