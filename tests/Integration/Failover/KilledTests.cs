using System.Diagnostics;
using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>Whatever dies in the middle: clients are let through within the expiry, there is one primary, nothing acknowledged is lost.</summary>
public sealed class KilledTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    private static readonly string[] ShortBudgets =
    [
        "--failover-pause-timeout", "1s", "--failover-migrate-timeout", "3s", "--failover-pause-expiry", "5s", "--failover-lock-ttl", "6s",
    ];

    private static CancellationToken Token => ClusterLab.Token;

    [Theory]
    [InlineData("lock")]
    [InlineData("recheck")]
    [InlineData("cascade")]
    [InlineData("checkpoint")]
    [InlineData("pause")]
    [InlineData("stop")]
    [InlineData("prove")]
    [InlineData("promote")]
    [InlineData("publish")]
    [InlineData("repoint")]
    [InlineData("resume")]
    [InlineData("follow")]
    public async Task A_client_killed_at_a_step_leaves_pools_running_and_the_cluster_in_one_piece(string step)
    {
        await lab.WaitUntilSoundAsync();
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 4 }, Token);
        using (var client = lab.StartCommandLine(["failover", "--yes", "--json", .. ShortBudgets]))
        {
            while (await client.StandardError.ReadLineAsync(Token) is { } line && line != $"step {step} Run")
            {
            }

            client.Kill();
            await client.WaitForExitAsync(Token);
        }

        // The expiry is 5 s and the dead client's lock 6 s; the rest is a busy machine.
        await lab.WaitUntilSoundAsync(TimeSpan.FromSeconds(40));
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.Equal((0L, 0L), (gap.LostCommits, gap.DoubledCommits));
        Assert.Equal(lab.PortOf(await lab.PrimaryAsync()), await lab.WriteThroughAsync("app"));
    }

    [Fact]
    public async Task An_agent_killed_while_it_holds_a_pause_resumes_when_it_is_started_again()
    {
        await lab.WaitUntilSoundAsync();
        var pooler = (await lab.Cluster.GetPoolersAsync(Token)).Single(p => p.Name == "pg02");
        await lab.Cluster.SuspendPoolerAsync(pooler, "it", null, TimeSpan.FromHours(1), Token);
        Assert.Equal(PoolerState.Paused, (await PoolerAsync("pg02")).State);

        var keeper = lab.Config.Nodes.Any(n => n.Agent.ToString() == pooler.Keeper) ? "agent-pg02" : "proxy-pg02";
        await lab.KillAsync(keeper);
        await lab.StartAgainAsync(keeper);

        await Poll.UntilAsync("the pooler is active again", async () => (await PoolerAsync("pg02")).State == PoolerState.Active);
        await lab.WriteThroughAsync("pg02");
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task A_pause_nobody_ends_ends_by_itself()
    {
        await lab.WaitUntilSoundAsync();
        var clock = Stopwatch.StartNew();
        await lab.Cluster.SuspendPoolerAsync(await PoolerAsync("app"), "it", null, TimeSpan.FromSeconds(2), Token);
        var write = lab.WriteThroughAsync("app");

        await write;
        Assert.InRange(clock.Elapsed.TotalSeconds, 1.9, 20);
        Assert.Equal(PoolerState.Active, (await PoolerAsync("app")).State);
    }

    [Fact]
    public async Task PG_34_a_second_failover_is_not_resumed_by_the_expiry_of_the_first()
    {
        await lab.WaitUntilSoundAsync();
        var first = await lab.Cluster.SuspendPoolerAsync(await PoolerAsync("app"), "first", null, TimeSpan.FromSeconds(2), Token);
        await lab.Cluster.ResumePoolerAsync(await PoolerAsync("app"), first.Id, Token);
        var second = await lab.Cluster.SuspendPoolerAsync(await PoolerAsync("app"), "second", null, TimeSpan.FromSeconds(30), Token);
        var write = lab.WriteThroughAsync("app");

        await Assert.ThrowsAsync<TimeoutException>(() => write.WaitAsync(TimeSpan.FromSeconds(4), Token));
        Assert.Equal(second.Id, (await PoolerAsync("app")).Lease!.Id);
        Assert.True(await lab.Cluster.ResumePoolerAsync(await PoolerAsync("app"), second.Id, Token));
        await write;
    }

    [Fact]
    public async Task Etcd_that_stops_in_the_middle_leaves_one_primary_and_running_pools()
    {
        await lab.WaitUntilSoundAsync();
        var etcd = lab.Process(lab.Info.Processes.Single(p => p.Name.StartsWith("etcd", StringComparison.Ordinal)).Name);
        using var client = lab.StartCommandLine(["failover", "--yes", "--json", .. ShortBudgets]);
        while (await client.StandardError.ReadLineAsync(Token) is { } line && line != "step pause Run")
        {
        }

        etcd.Signal(UnixSignal.Stop);
        try
        {
            var output = client.StandardOutput.ReadToEndAsync(Token);
            await client.WaitForExitAsync(Token);
            Assert.NotEqual(0, client.ExitCode);
            await output;
        }
        finally
        {
            etcd.Signal(UnixSignal.Continue);
        }

        // Without its store the old primary stops before its lease ends, and what the store last heard of it may look sound for a moment more; whoever leads
        // afterwards, one does.
        await lab.WaitUntilLedAndSoundAsync();
        await lab.WriteThroughAsync("app");
    }

    private async Task<PoolerInfo> PoolerAsync(string name) => (await lab.Cluster.GetPoolersAsync(Token)).Single(p => p.Name == name);
}
