using System.Diagnostics;
using System.Net;
using System.Text.Json;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;
using PgCluster.Tests.Integration.Grpc;
using PgCluster.Tests.Integration.Handoff;

namespace PgCluster.Tests.Integration.Upgrade;

/// <summary>The leader's agent is followed again and again while new connections come all the time and streams are open: nobody is refused or reset, and it goes on leading.</summary>
[Collection(UpgradeLoadGroup.Name)]
public sealed class AgentLoadTests(UpgradeLab lab) : IClassFixture<UpgradeLab>
{
    private const int ConnectionsPerSecond = 1000;

    // What two busy cores manage that the servers, the agents and the load share.
    private const int LeastPerSecond = 200;

    private const int Streams = 200;

    // Of a timer beside the clock.
    private static readonly TimeSpan ClockStep = TimeSpan.FromMilliseconds(50);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public Task Three_upgrades_under_load() => UpgradeAsync(3);

    [Fact(Explicit = true)]
    public Task Twenty_upgrades_under_load() => UpgradeAsync(20);

    private async Task UpgradeAsync(int upgrades)
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var before = (await LeaderAsync())!;
        var address = lab.Config.Nodes.Single(n => n.Name == primary).Agent;
        var watchers = Enumerable.Range(0, Streams).Select(_ => new HealthWatcher(new Uri($"http://{address}"))).ToArray();
        using var load = new ConnectionLoad(ConnectionsPerSecond, async () =>
        {
            await HealthCheckCall.AskAsync(IPEndPoint.Parse(address.ToString()));
            return "SERVING";
        });
        using var stop = new CancellationTokenSource();
        var leaders = LeadersAsync(stop.Token);
        var longestDrain = TimeSpan.Zero;
        try
        {
            await Poll.UntilAsync("all streams are open", () => watchers.All(w => w.Opened == 1 || w.Failure is not null));
            load.Start();
            for (var i = 1; i <= upgrades; i++)
            {
                var name = "agent-" + primary;
                var old = lab.Process(name);
                var began = Stopwatch.GetTimestamp();
                await lab.StartAgainAsync(name);
                var successor = lab.Process(name);
                await Poll.UntilAsync($"the old {name} has ended", () => !old.IsRunning, TimeSpan.FromMinutes(3));
                Assert.True(successor.IsRunning, LogOf(name));

                // All of the old process were open at its deadline and told then, and all are open on the new one.
                var (ended, seconds) = LastDrain(name);
                Assert.Equal(Streams, ended);
                Assert.True(seconds > (UpgradeLab.DrainTimeout - ClockStep).TotalSeconds, $"its streams went on for {seconds} s");
                await Poll.UntilAsync($"all streams are open after upgrade {i}", () => watchers.All(w => w.Opened == i + 1 || w.Failure is not null));
                Assert.All(watchers, w => Assert.Null(w.Failure));
                Assert.All(watchers, w => Assert.Equal(i, w.Ended.Count));
                Assert.All(watchers, w => Assert.True(Stopwatch.GetElapsedTime(began, w.Ended[^1]) >= UpgradeLab.DrainTimeout, "a stream was ended before its deadline"));
                longestDrain = watchers.Select(w => Stopwatch.GetElapsedTime(began, w.Ended[^1])).Append(longestDrain).Max();
                Assert.Empty(load.Failures);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await load.StopAsync();
            foreach (var watcher in watchers)
            {
                await watcher.DisposeAsync();
            }

            TestContext.Current.SendDiagnosticMessage(
                $"{upgrades} upgrades: {load}, {load.Failures.Count} failed; {Streams} streams, {watchers.Sum(w => w.Ended.Count)} ended at a deadline, at most {longestDrain.TotalSeconds:0.0} s after the successor's start, {watchers.Count(w => w.Failure is not null)} otherwise");
        }

        Assert.Empty(load.Failures);
        Assert.Equal(["SERVING"], load.Served.Keys);
        Assert.True(load.Rate >= LeastPerSecond, $"{load}");
        Assert.Equal([primary], await leaders);
        Assert.Equal(before.Timeline, (await LeaderAsync())!.Timeline);
        await lab.WaitUntilSoundAsync();
        await lab.WaitUntilLedAsync();
    }

    /// <summary>Who has led meanwhile; while etcd does not answer nobody is seen.</summary>
    private async Task<IReadOnlyCollection<string>> LeadersAsync(CancellationToken stop)
    {
        HashSet<string> seen = [];
        while (!stop.IsCancellationRequested)
        {
            try
            {
                seen.Add((await LeaderAsync())?.Node ?? "nobody");
            }
            catch (PgClusterException)
            {
                // Asked again.
            }

            await Task.Delay(50, CancellationToken.None);
        }

        return seen;
    }

    /// <summary>What the last process that was followed has logged: how many streams it told to end, and how long they had gone on.</summary>
    private (int Count, double Seconds) LastDrain(string name)
    {
        var line = JsonElement.Parse(File.ReadLines(FileOf(name)).Last(line => line.Contains("Streams that are told to end", StringComparison.Ordinal))).GetProperty("State");
        return (line.GetProperty("Count").GetInt32(), line.GetProperty("Seconds").GetDouble());
    }

    private string FileOf(string name) => lab.Info.Processes.Single(p => p.Name == name).LogFile;

    private async Task<LeaderRecord?> LeaderAsync() => LeaderRecord.FromJson((await lab.Store.GetAsync(StoreKeys.Leader, Token))?.Value);

    private string LogOf(string name) => string.Join('\n', File.ReadLines(FileOf(name)).TakeLast(60));
}
