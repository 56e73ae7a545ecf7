using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>synchronous.mode = availability: commits wait for a standby while there is one, and no commit that waited is lost.</summary>
public sealed class AvailabilityTests(AvailabilityLab lab) : IClassFixture<AvailabilityLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_lost_synchronous_standby_is_replaced_and_without_any_commits_go_on()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var first = (await lab.WaitForListAsync(primary, "one standby is named", l => l.Count == 1 && l.Standbys.Count == 1)).Standbys[0];
        var second = lab.Config.Nodes.Select(n => n.Name).Single(n => n != primary && n != first);
        await lab.WaitForListAsync(primary, "the other standby has been well for long enough", _ => true);

        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 16 }, Token);
        using (lab.Lose(first))
        {
            var next = await lab.WaitForListAsync(primary, "another standby has taken its place", l => !l.Names(first), settled: false);
            Assert.True(next.Count == 0 || next.Standbys.SequenceEqual([second]), next.Text);
            await lab.WaitForListAsync(primary, "that one alone is on record", l => l.Names(second));
            using (lab.Lose(second))
            {
                await lab.WaitForListAsync(primary, "nobody is waited for", l => l.Count == 0, settled: false);
                await lab.WriteThroughAsync("app");
                var degraded = (await lab.Cluster.GetHistoryAsync(Token))[0];
                Assert.Equal(("synchronous", "degrade"), (degraded.Kind, degraded.Steps[0].Name));
                Assert.Contains("commits wait for 0 of the 1 standbys asked for", degraded.Why, StringComparison.Ordinal);
                Assert.Contains(await lab.Cluster.TestDurabilityAsync(DurabilityScope.Node, Token), v => v.Lost == primary && !v.Survives);
            }
        }

        await lab.WaitForListAsync(primary, "a standby is waited for again", l => l.Count == 1);
        await lab.WaitUntilSoundAsync();
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.Equal(primary, await lab.PrimaryAsync());
        Assert.Equal((0L, 0L, 0L), (gap.LostCommits, gap.DoubledCommits, gap.ClientErrors));
        Assert.True(gap.WriteGapMs < 12000, $"no write for {gap.WriteGapMs} ms");
        Assert.All(await lab.Cluster.TestDurabilityAsync(DurabilityScope.Zone, Token), v => Assert.True(v.Survives, v.Evidence));
    }

    [Fact]
    public async Task A_planned_failover_leads_to_one_with_a_list_of_its_own_from_the_first_commit_on()
    {
        await lab.WaitUntilSoundAsync();
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 16 }, Token);
        for (var i = 0; i < 2; i++)
        {
            var old = await lab.PrimaryAsync();
            await lab.WaitForListAsync(old, "one standby is named", l => l.Count == 1 && l.Standbys.Count == 1);

            var next = (await lab.FailOverAsync(new FailoverRequest())).NewPrimary!;

            // The one that is neither: the old primary has yet to come back, and nobody waits for that.
            var third = lab.Config.Nodes.Select(n => n.Name).Single(n => n != old && n != next);
            Assert.Equal($"FIRST 1 (\"{third}\")", (await lab.ListOfAsync(next)).Text);
            Assert.Equal(next, (await lab.RecordedAsync())!.Primary);
            await lab.WaitUntilSoundAsync();
            var own = await lab.WaitForListAsync(next, "its list alone is on record", l => l.Count == 1 && l.Standbys.Count == 1);
            Assert.False(own.Names(next), own.Text);
        }

        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.True(gap.ClientErrors == 0, string.Join("; ", gap.Errors));
        Assert.Equal((0L, 0L, 0L), (gap.LostCommits, gap.DoubledCommits, gap.AmbiguousCommits));
    }

    [Fact]
    public async Task A_killed_primary_is_replaced_by_one_with_a_list_of_its_own()
    {
        await lab.WaitUntilSoundAsync();
        var old = await lab.PrimaryAsync();
        var list = await lab.WaitForListAsync(old, "one standby is named", l => l.Count == 1 && l.Standbys.Count == 1);

        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 16 }, Token);
        await lab.EndPostmasterAsync(old, UnixSignal.Kill);
        await lab.WaitUntilSoundAsync();
        var gap = await meter.StopAsync(CancellationToken.None);

        var next = await lab.PrimaryAsync();
        Assert.Equal(list.Standbys, [next]);
        Assert.Equal((0L, 0L), (gap.LostCommits, gap.DoubledCommits));
        var own = await lab.WaitForListAsync(next, "the new primary names a standby", l => l.Count == 1 && l.Standbys.Count == 1);
        Assert.False(own.Names(next), own.Text);
        Assert.Equal(next, (await lab.RecordedAsync())!.Primary);
    }
}
