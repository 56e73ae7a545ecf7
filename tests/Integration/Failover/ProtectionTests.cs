using Npgsql;
using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>synchronous.mode = protection: with too few standbys commits wait, and nothing is acknowledged.</summary>
public sealed class ProtectionTests(ProtectionLab lab) : IClassFixture<ProtectionLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task Commits_wait_until_the_standby_is_back_and_a_killed_primary_loses_none()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var list = await lab.WaitForListAsync(primary, "two standbys are waited for", l => l.Count == 2);

        Task<int> write;
        using (lab.Lose(list.Standbys[0]))
        {
            var changes = (await lab.Cluster.GetHistoryAsync(Token)).Count;
            await Poll.UntilAsync("the standby is gone", async () =>
                (await lab.Peers.Node(primary).GetStatusAsync(Token)).Postgres.Standbys.All(s => s.Name != list.Standbys[0]));
            write = lab.WriteThroughAsync("app");
            await Poll.UntilAsync("the write has waited for longer than availability would let it", async () => await LongestWaitAsync(primary) > 6);
            Assert.False(write.IsCompleted, "a commit was acknowledged by too few");
            Assert.Equal(list.Text, (await lab.ListOfAsync(primary)).Text);
            Assert.Equal(changes, (await lab.Cluster.GetHistoryAsync(Token)).Count);
            Assert.Contains(await lab.Cluster.TestDurabilityAsync(DurabilityScope.Node, Token), v => v.Lost == list.Standbys[1] && v is { Survives: true, CommitsGoOn: false });
        }

        Assert.Equal(lab.PortOf(primary), await write);
        await lab.WaitUntilSoundAsync();

        // A primary hands over only where its agent has seen that everybody whom commits wait for is there; else it comes back in place.
        await Poll.UntilAsync("the primary's agent has seen both standbys", async () =>
            NodeReport.FromJson((await lab.Store.GetAsync(StoreKeys.Nodes + primary, Token))!.Value)!.Postgres.Standbys.Count(s => s.SyncState == SyncState.Quorum) == 2);
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 16 }, Token);
        await lab.EndPostmasterAsync(primary, UnixSignal.Kill);
        await lab.WaitUntilSoundAsync();
        var gap = await meter.StopAsync(CancellationToken.None);

        var next = await lab.PrimaryAsync();
        Assert.NotEqual(primary, next);
        Assert.Equal((0L, 0L), (gap.LostCommits, gap.DoubledCommits));
        var own = await lab.WaitForListAsync(next, "the new primary waits for both others", l => l.Count == 2);
        Assert.Equal(lab.Config.Nodes.Select(n => n.Name).Where(n => n != next), own.Standbys.Order());
    }

    [Fact]
    public async Task After_a_planned_failover_the_first_commit_waits_for_both_others_too()
    {
        await lab.WaitUntilSoundAsync();
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 16 }, Token);
        for (var i = 0; i < 2; i++)
        {
            await lab.WaitForListAsync(await lab.PrimaryAsync(), "two standbys are waited for", l => l.Count == 2);

            var next = (await lab.FailOverAsync(new FailoverRequest())).NewPrimary!;

            // The old primary among them: there are only two.
            string[] others = [.. lab.Config.Nodes.Select(n => n.Name).Where(n => n != next)];
            var list = await lab.ListOfAsync(next);
            Assert.True(list.Count == 2 && list.Standbys.Order().SequenceEqual(others), list.Text);
            Assert.Equal(next, (await lab.RecordedAsync())!.Primary);
            await lab.WaitUntilSoundAsync();
            var own = await lab.WaitForListAsync(next, "that list alone is on record", l => l.Count == 2);
            Assert.Equal(others, own.Standbys.Order());
        }

        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.True(gap.ClientErrors == 0, string.Join("; ", gap.Errors));
        Assert.Equal((0L, 0L, 0L), (gap.LostCommits, gap.DoubledCommits, gap.AmbiguousCommits));
    }

    /// <summary>Seconds for which the oldest commit has waited for standbys.</summary>
    private async Task<double> LongestWaitAsync(string primary)
    {
        await using var connection = new NpgsqlConnection(
            $"Host=127.0.0.1;Port={lab.PortOf(primary)};Username=postgres;Database=postgres;Pooling=false;Server Compatibility Mode=NoTypeLoading");
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(
            "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - query_start)), 0)::float8 FROM pg_stat_activity WHERE wait_event = 'SyncRep'", connection);
        return (double)(await command.ExecuteScalarAsync(Token))!;
    }
}
