using System.Diagnostics;
using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>leader.failsafe: without etcd the leader goes on while every other agent vouches for it, and not longer.</summary>
public sealed class FailsafeTests(FailsafeLab lab) : IClassFixture<FailsafeLab>
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(3);

    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_lost_store_stops_no_write_while_all_agents_answer()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var before = await TakeoversAsync();
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 4 }, Token);
        await WithoutStoreAsync(async () =>
        {
            var postmaster = lab.Postmaster(primary);
            var began = Stopwatch.GetTimestamp();
            await Poll.UntilAsync("four leases have gone by", () =>
            {
                Assert.True(postmaster.IsRunning, "the leader has stopped");
                return Stopwatch.GetElapsedTime(began) > 4 * Lease;
            });
        });

        await lab.WaitUntilSoundAsync();
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.Equal((primary, 0L, 0L, 0), (await lab.PrimaryAsync(), gap.LostCommits, gap.DoubledCommits, gap.ClientErrors));
        Assert.True(gap.WriteGapMs < 2000, $"no write for {gap.WriteGapMs} ms");
        Assert.Equal(before, await TakeoversAsync());
    }

    [Fact]
    public async Task Without_the_word_of_one_agent_the_leader_stops_in_time()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var postmaster = lab.Postmaster(primary);
        var silent = lab.Process("agent-" + lab.Config.Nodes.Select(n => n.Name).First(n => n != primary));
        silent.Signal(UnixSignal.Stop);
        try
        {
            await WithoutStoreAsync(() => Poll.UntilAsync("the leader has stopped", () => !postmaster.IsRunning));
        }
        finally
        {
            silent.Signal(UnixSignal.Continue);
        }

        await lab.WaitUntilSoundAsync();
    }

    private async Task<int> TakeoversAsync() => (await lab.Cluster.GetHistoryAsync(Token)).Count(r => r.Kind == "takeover");

    private async Task WithoutStoreAsync(Func<Task> body)
    {
        var etcd = lab.Process(lab.Info.Processes.Single(p => p.Name.StartsWith("etcd", StringComparison.Ordinal)).Name);
        etcd.Signal(UnixSignal.Stop);
        try
        {
            await body();
        }
        finally
        {
            etcd.Signal(UnixSignal.Continue);
        }
    }
}
