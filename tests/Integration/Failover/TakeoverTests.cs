using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Rejoin;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>A primary that is gone is replaced without a person: no acknowledged commit is lost, and it comes back as a standby.</summary>
public sealed class TakeoverTests(FastLeaderLab lab) : IClassFixture<FastLeaderLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_killed_postmaster_is_replaced_at_once()
    {
        var (old, gap) = await WhileWritingAsync(old => lab.EndPostmasterAsync(old, UnixSignal.Kill));

        Assert.NotEqual(old, await lab.PrimaryAsync());
        Assert.True(gap.ClientErrors <= 5 * gap.Writers, $"{gap.ClientErrors} client errors: {string.Join("; ", gap.Errors)}");
        var last = (await lab.Cluster.GetHistoryAsync(Token)).First(r => r.Kind == "takeover");
        Assert.Equal(("takeover", old, await lab.PrimaryAsync()), (last.Kind, last.OldPrimary, last.NewPrimary));
        Assert.Contains("PostgreSQL ended", last.Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Clients_wait_for_an_agent_that_is_slow_to_notice_the_death_of_its_postmaster()
    {
        var (_, gap) = await WhileWritingAsync(async old =>
        {
            var (agent, postmaster) = (lab.Process("agent-" + old), lab.Postmaster(old));
            await Poll.UntilAsync("the agent holds the listening socket", () => SocketsOf(agent).Intersect(SocketsOf(postmaster)).Any());
            agent.Signal(UnixSignal.Stop);
            try
            {
                await lab.EndPostmasterAsync(old, UnixSignal.Kill);
                await Task.Delay(TimeSpan.FromMilliseconds(300), Token);
            }
            finally
            {
                agent.Signal(UnixSignal.Continue);
            }
        });

        TestContext.Current.TestOutputHelper!.WriteLine($"{gap.ClientErrors} client errors: {string.Join("; ", gap.Errors)}");
        Assert.DoesNotContain(gap.Errors, e => e.ToString().Contains("server_login_retry", StringComparison.Ordinal));
        Assert.True(gap.ClientErrors <= gap.Writers, $"{gap.ClientErrors} client errors: {string.Join("; ", gap.Errors)}");
    }

    [Fact]
    public async Task The_primary_of_an_agent_that_stays_dead_is_stopped_and_replaced()
    {
        var (old, _) = await WhileWritingAsync(async old =>
        {
            var postmaster = lab.Postmaster(old);
            await lab.KillAsync("agent-" + old);
            await Poll.UntilAsync("somebody else leads", async () => await LeaderAsync() is { } leader && leader != old);
            Assert.False(postmaster.IsRunning, "the old primary outlived its lease");
            await lab.StartAgainAsync("agent-" + old);
        });

        Assert.NotEqual(old, await lab.PrimaryAsync());
    }

    [Fact]
    public async Task The_primary_of_a_frozen_agent_is_stopped_and_replaced()
    {
        var (old, _) = await WhileWritingAsync(async old =>
        {
            var postmaster = lab.Postmaster(old);
            var agent = lab.Process("agent-" + old);
            agent.Signal(UnixSignal.Stop);
            try
            {
                await Poll.UntilAsync("somebody else leads", async () => await LeaderAsync() is { } leader && leader != old);
                Assert.False(postmaster.IsRunning, "the old primary outlived its lease");
            }
            finally
            {
                agent.Signal(UnixSignal.Continue);
            }
        });

        Assert.NotEqual(old, await lab.PrimaryAsync());
    }

    [Fact]
    public async Task A_killed_host_is_replaced_when_its_lease_ends()
    {
        var (old, gap) = await WhileWritingAsync(async old =>
        {
            foreach (var process in new[] { lab.Process("agent-" + old), lab.Postmaster(old) })
            {
                process.Signal(UnixSignal.Kill);
            }

            await Poll.UntilAsync("somebody else leads", async () => await LeaderAsync() is { } leader && leader != old);
            await lab.StartAgainAsync("agent-" + old);
        });

        Assert.NotEqual(old, await lab.PrimaryAsync());
        Assert.True(gap.WriteGapMs < 15000, $"no write for {gap.WriteGapMs} ms");
    }

    [Fact]
    public async Task Agent_and_postmaster_killed_together_and_the_agent_started_again_at_once()
    {
        await WhileWritingAsync(async old =>
        {
            lab.Postmaster(old).Signal(UnixSignal.Kill);
            await lab.KillAsync("agent-" + old);
            await lab.StartAgainAsync("agent-" + old);
        });
    }

    [Fact]
    public async Task A_lost_store_stops_the_primary_before_anybody_else_could_lead_and_gives_it_back_afterwards()
    {
        await WhileWritingAsync(async old =>
        {
            var postmaster = lab.Postmaster(old);
            var etcd = lab.Process(lab.Info.Processes.Single(p => p.Name.StartsWith("etcd", StringComparison.Ordinal)).Name);
            etcd.Signal(UnixSignal.Stop);
            try
            {
                await Poll.UntilAsync("the primary has stopped", () => !postmaster.IsRunning);
            }
            finally
            {
                etcd.Signal(UnixSignal.Continue);
            }
        });
    }

    [Fact]
    public async Task A_killed_standby_comes_back_by_itself()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        foreach (var standby in lab.Config.Nodes.Select(n => n.Name).Where(n => n != primary))
        {
            await lab.EndPostmasterAsync(standby, UnixSignal.Kill);
        }

        await lab.WaitUntilSoundAsync();
        Assert.Equal(primary, await lab.PrimaryAsync());
    }

    [Fact]
    public async Task Every_server_keeps_wal_for_every_other_node_whoever_leads()
    {
        await lab.WaitUntilSoundAsync();
        await Poll.UntilAsync("standbys stream through their slots", StreamThroughSlotsAsync);
        await WhileWritingAsync(old => lab.EndPostmasterAsync(old, UnixSignal.Kill));
        await Poll.UntilAsync("standbys stream through their slots of the new leader", StreamThroughSlotsAsync);
    }

    private static IEnumerable<string> SocketsOf(ProcessIdentity process) => new DirectoryInfo($"/proc/{process.Pid}/fd").EnumerateFileSystemInfos()
        .Select(descriptor => descriptor.LinkTarget).OfType<string>().Where(target => target.StartsWith("socket:", StringComparison.Ordinal));

    private async Task<bool> StreamThroughSlotsAsync()
    {
        var primary = await lab.PrimaryAsync();
        foreach (var name in lab.Config.Nodes.Select(n => n.Name))
        {
            var server = NodeReport.FromJson((await lab.Store.GetAsync(StoreKeys.Nodes + name, Token))?.Value ?? "")?.Postgres;
            var others = lab.Config.Nodes.Where(n => n.Name != name).Select(n => SlotName.Of(n.Name)).Order(StringComparer.Ordinal);
            if (server is null || !server.Slots.Select(s => s.Name).Order(StringComparer.Ordinal).SequenceEqual(others)
                || (name == primary ? server.Slots.Any(s => !s.Active) : server.UpstreamSlot != SlotName.Of(name)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Disturbs the primary under sixteen writers and waits until the cluster is sound again.</summary>
    private async Task<(string Old, WriteGapReport Gap)> WhileWritingAsync(Func<string, Task> disturb)
    {
        await lab.WaitUntilLedAndSoundAsync();
        var old = await lab.PrimaryAsync();
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 16 }, Token);
        await disturb(old);
        await lab.WaitUntilLedAndSoundAsync();
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.Equal((0L, 0L), (gap.LostCommits, gap.DoubledCommits));
        return (old, gap);
    }

    private async Task<string?> LeaderAsync() =>
        LeaderRecord.FromJson((await lab.Store.GetAsync(StoreKeys.Leader, Token))?.Value)?.Node;
}
