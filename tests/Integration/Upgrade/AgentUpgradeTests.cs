using System.Collections.Concurrent;
using PgCluster.Adapters.Peers;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;
using PgCluster.Tests.Integration.Handoff;

namespace PgCluster.Tests.Integration.Upgrade;

/// <summary>Real agents and proxies that are followed by others: what they hold goes on, and whoever calls them does not notice.</summary>
public sealed class AgentUpgradeTests(UpgradeLab lab) : IClassFixture<UpgradeLab>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_leaders_agent_is_followed_again_and_again_and_no_call_fails()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var postmaster = lab.Postmaster(primary);
        var before = await LeaderAsync();
        using var stop = new CancellationTokenSource();
        var failures = new ConcurrentQueue<string>();
        var answers = 0;
        var callers = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    // A connection of its own for each.
                    using var peers = new GrpcClusterPeers(lab.Config, TimeProvider.System);
                    await peers.Node(primary).GetStatusAsync(Token);
                    Interlocked.Increment(ref answers);
                }
                catch (PgClusterException e)
                {
                    failures.Enqueue(e.Message);
                }
            }
        }, Token)).ToArray();

        for (var i = 0; i < 5; i++)
        {
            await FollowAsync("agent-" + primary);
            var leader = (await LeaderAsync())?.Node;
            Assert.True(leader == primary, $"{leader ?? "nobody"} leads after upgrade {i}\n{LogOf("agent-" + primary)}");
        }

        await stop.CancelAsync();
        await Task.WhenAll(callers);
        Assert.Empty(failures);
        Assert.True(answers > 50, $"{answers} answers");
        Assert.Equal((primary, postmaster), (await lab.PrimaryAsync(), lab.Postmaster(primary)));
        Assert.Equal(before!.Timeline, (await LeaderAsync())!.Timeline);
        await lab.WaitUntilSoundAsync();
        await lab.WaitUntilLedAsync();
    }

    [Fact]
    public async Task A_pause_goes_on_under_its_lease_and_ends_by_it()
    {
        await lab.WaitUntilSoundAsync();
        var node = (await lab.Cluster.GetNodesAsync(Token)).First(n => n.Role == NodeRole.Standby).Name;
        var config = lab.Config.Poolers.Single(p => p.Node == node);
        var keeper = lab.Peers.Pooler(config.Name, config.Keeper.ToString());
        await keeper.FinishAsync("op0", Token);
        await keeper.PauseAsync("op1", "ann", TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(5), Token);
        await FollowAsync("agent-" + node);

        var paused = await keeper.GetAsync(Token);
        Assert.Equal((PoolerState.Paused, "op1", "ann"), (paused.State, paused.Lease?.Id, paused.Lease?.Holder));
        Assert.Equal(Reason.LockHeld, (await Assert.ThrowsAsync<PgClusterException>(() => keeper.ResumeAsync("another", Token))).Reason);
        Assert.Equal(Reason.Cancelled, (await Assert.ThrowsAsync<PgClusterException>(() => keeper.PauseAsync("op0", "ann", TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), Token))).Reason);

        // Shorter now, and it is the next one's to end.
        await keeper.PauseAsync("op1", "ann", TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(6), Token);
        await FollowAsync("agent-" + node);
        await Poll.UntilAsync("the pause is over", async () => (await keeper.GetAsync(Token)).State == PoolerState.Active);
        Assert.Equal(("op1", "its expiry was over"), ((await keeper.GetAsync(Token)).LastPause?.Id, (await keeper.GetAsync(Token)).LastPause?.EndedBy));
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task A_proxy_is_followed_with_its_pause_and_its_address()
    {
        await lab.WaitUntilSoundAsync();
        var config = lab.Config.Poolers.Single(p => p.Node.Length == 0);
        var keeper = lab.Peers.Pooler(config.Name, config.Keeper.ToString());
        await keeper.PauseAsync("op1", "ann", TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(5), Token);
        await FollowAsync("proxy-" + config.Name);

        Assert.Equal("op1", (await keeper.GetAsync(Token)).Lease?.Id);
        Assert.True(await keeper.ResumeAsync("op1", Token));
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task A_successor_that_dies_before_it_is_ready_changes_nothing()
    {
        await lab.WaitUntilSoundAsync();
        var node = await lab.PrimaryAsync();
        var name = "agent-" + node;
        var old = lab.Process(name);
        for (var i = 0; i < 5; i++)
        {
            await lab.StartAgainAsync(name);
            var successor = lab.Process(name);
            await Task.Delay(TimeSpan.FromMilliseconds(60 * i), Token);
            successor.Signal(UnixSignal.Kill);
            await successor.WaitForExitAsync(TimeProvider.System, Token);
            if (!old.IsRunning)
            {
                // It was ready already: then that one was the owner, and the next finds nobody.
                await lab.StartAgainAsync(name);
                old = lab.Process(name);
            }
        }

        await Poll.UntilAsync("its agent answers", async () => (await lab.Cluster.GetNodesAsync(Token)).Any(n => n.Name == node && n.State == NodeState.Running));
        await FollowAsync(name, old);
        await lab.WaitUntilSoundAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whichever_of_both_is_killed_at_any_moment_one_is_left_at_work_or_the_next_is(bool old)
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var name = "agent-" + primary;
        var (postmaster, before) = (lab.Postmaster(primary), await LeaderAsync());
        var survivors = 0;
        for (var i = 0; i < 6; i++)
        {
            var first = lab.Process(name);
            await lab.StartAgainAsync(name);
            var second = lab.Process(name);
            await Task.Delay(TimeSpan.FromMilliseconds(200 * i), Token);
            var (victim, other) = old ? (first, second) : (second, first);
            victim.Signal(UnixSignal.Kill);
            await victim.WaitForExitAsync(TimeProvider.System, Token);
            if (await AnswersOrEndsAsync(primary, other))
            {
                survivors++;
                lab.Runs(name, other);
            }
            else
            {
                await lab.StartAgainAsync(name);
            }

            await lab.WaitUntilSoundAsync();
        }

        Assert.True(survivors > 0, LogOf(name));
        await lab.WaitUntilLedAsync();
        Assert.Equal((primary, before!.Timeline, postmaster), ((await LeaderAsync())!.Node, (await LeaderAsync())!.Timeline, lab.Postmaster(primary)));
        await FollowAsync(name);
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task One_that_cannot_go_on_from_what_the_agent_knew_leaves_it_at_work()
    {
        await lab.WaitUntilSoundAsync();
        var node = await lab.PrimaryAsync();
        var (old, before) = (lab.Process("agent-" + node), await LeaderAsync());
        var config = lab.Config.Poolers.Single(p => p.Node == node);
        var keeper = lab.Peers.Pooler(config.Name, config.Keeper.ToString());
        await keeper.PauseAsync("op1", "ann", TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(5), Token);
        for (var i = 0; i < 3; i++)
        {
            string[] arguments = ["--dir", lab.DirectoryOf("supervise-" + node), "--id", $"stranger{i}", "--state-version", "1", "--state", "refuse-Final", "--ready"];
            await using var stranger = ClusterLab.Account is { } account ? DaemonProcess.StartAs(account, arguments) : DaemonProcess.Start(arguments);
            Assert.StartsWith("StateRefused", await stranger.SaysAsync("failed"), StringComparison.Ordinal);
            Assert.True(stranger.HasSaid("adopted Preview"));
        }

        Assert.True(old.IsRunning);
        await Poll.UntilAsync("the agent is at work again", async () => (await lab.Cluster.GetNodesAsync(Token)).Any(n => n.Name == node && n is { Role: NodeRole.Primary, State: NodeState.Running }));
        Assert.Equal("op1", (await keeper.GetAsync(Token)).Lease?.Id);
        Assert.True(await keeper.ResumeAsync("op1", Token));
        await lab.WaitUntilSoundAsync();
        await lab.WaitUntilLedAsync();
        Assert.Equal((before!.Node, before.Timeline), ((await LeaderAsync())!.Node, (await LeaderAsync())!.Timeline));
        await FollowAsync("agent-" + node);
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task Several_old_processes_live_on_for_their_streams_and_each_ends_with_them_or_by_a_signal()
    {
        await lab.WaitUntilSoundAsync();
        var node = (await lab.Cluster.GetNodesAsync(Token)).First(n => n.Role == NodeRole.Standby).Name;
        var name = "agent-" + node;
        var address = new Uri($"http://{lab.Config.Nodes.Single(n => n.Name == node).Agent}");
        var patient = new Dictionary<string, string?> { ["PGCLUSTER_AGENT_DRAIN_TIMEOUT"] = "1h" };
        var left = LeftToStreams(name);
        var start = lab.Process(name);
        await lab.StartAgainAsync(name, patient);
        await Poll.UntilAsync($"the old {name} has ended", () => !start.IsRunning);

        var first = lab.Process(name);
        await using var ofFirst = new HealthWatcher(address);
        await Poll.UntilAsync("a stream is open on the first", () => ofFirst.Opened == 1);
        await lab.StartAgainAsync(name, patient);
        await Poll.UntilAsync("the first has only its stream left", () => LeftToStreams(name) == left + 1);
        var second = lab.Process(name);
        await using var ofSecond = new HealthWatcher(address);
        await Poll.UntilAsync("a stream is open on the second", () => ofSecond.Opened == 1);
        await lab.StartAgainAsync(name);
        await Poll.UntilAsync("the second has only its stream left", () => LeftToStreams(name) == left + 2);

        await lab.WaitUntilSoundAsync();
        Assert.True(first.IsRunning && second.IsRunning, LogOf(name));
        Assert.Equal((1, 1), (ofFirst.Opened, ofSecond.Opened));
        first.Signal(UnixSignal.Terminate);
        await Poll.UntilAsync("the first has ended, and its stream is open on the third", () => !first.IsRunning && ofFirst.Opened == 2);
        Assert.Single(ofFirst.Ended);
        Assert.True(second.IsRunning && ofSecond.Opened == 1, LogOf(name));
        await ofSecond.DisposeAsync();
        await Poll.UntilAsync("the second has ended with its stream", () => !second.IsRunning);
        Assert.Equal((null, null), (ofFirst.Failure, ofSecond.Failure));
        await lab.WaitUntilSoundAsync();
    }

    private int LeftToStreams(string name) => File.ReadLines(lab.Info.Processes.Single(p => p.Name == name).LogFile).Count(line => line.Contains("Streams that go on here", StringComparison.Ordinal));

    /// <summary>Whether a process came to work; false when it has ended.</summary>
    private async Task<bool> AnswersOrEndsAsync(string node, ProcessIdentity process)
    {
        var answers = false;
        await Poll.UntilAsync(
            $"pid {process.Pid} is at work as the agent of {node}, or has ended",
            async () => !process.IsRunning || (answers = (await lab.Cluster.GetDaemonsAsync(Token)).Daemons.Any(d => d.Pid == process.Pid && d.State == DaemonState.Running)));
        return answers;
    }

    private async Task<LeaderRecord?> LeaderAsync() => LeaderRecord.FromJson((await lab.Store.GetAsync(StoreKeys.Leader, Token))?.Value);

    private string LogOf(string name) => string.Join('\n', File.ReadLines(lab.Info.Processes.Single(p => p.Name == name).LogFile).TakeLast(60));

    /// <summary>Starts another one, and waits until the one before it has ended.</summary>
    private Task FollowAsync(string name) => FollowAsync(name, lab.Process(name));

    private async Task FollowAsync(string name, ProcessIdentity old)
    {
        await lab.StartAgainAsync(name);
        var successor = lab.Process(name);
        await Poll.UntilAsync($"the old {name} has ended", () => Task.FromResult(!old.IsRunning));
        Assert.True(successor.IsRunning, LogOf(name));
    }
}
