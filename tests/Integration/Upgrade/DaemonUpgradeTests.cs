using System.Globalization;
using System.Net.Sockets;
using System.Text;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Upgrade;

/// <summary>Real daemons that are asked who they are, and told to be followed, rehearsed and stopped, as Update-PgDaemon and its kin do it.</summary>
public sealed class DaemonUpgradeTests(UpgradeLab lab) : IClassFixture<UpgradeLab>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_daemon_is_listed_once_with_what_it_is()
    {
        await lab.WaitUntilSoundAsync();
        var (daemons, silent) = await lab.Cluster.GetDaemonsAsync(Token);

        Assert.Empty(silent);
        Assert.Equal(
            lab.Config.Nodes.Select(n => $"supervise-{n.Name}").Concat(lab.Config.Poolers.Select(p => $"proxy-{p.Name}")).Order(StringComparer.Ordinal),
            daemons.Where(d => d.State == DaemonState.Running).Select(d => d.Name));
        foreach (var node in lab.Config.Nodes)
        {
            var agent = daemons.Single(d => d.Name == $"supervise-{node.Name}" && d.State == DaemonState.Running);
            Assert.True(agent.CanBeFollowed);
            Assert.Null(agent.Unit);
            Assert.Contains($"grpc {node.Agent}", agent.Listeners);
            Assert.Contains($"http {node.Http}", agent.Listeners);
            Assert.NotNull(ProcessIdentity.Find(agent.Pid));
            Assert.Equal(Path.GetFullPath(agent.Program), agent.Program);
        }
    }

    [Fact]
    public async Task All_are_followed_one_by_one_and_the_primarys_agent_last()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var before = await RunningAsync();
        var leader = await LeaderAsync();
        var request = new DaemonUpgradeRequest { Why = "a new version", Actor = "ann@test", DrainTimeout = TimeSpan.FromSeconds(2) };
        var plan = await lab.Cluster.PlanDaemonUpgradeAsync(request, Token);
        Assert.DoesNotContain(plan.Checks, c => c.Status == CheckStatus.Failed);
        var follow = plan.Steps.Where(s => s.Name == "follow").Select(s => s.Node).ToArray();
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), follow.Order(StringComparer.Ordinal));
        Assert.Equal($"supervise-{primary}", follow[^1]);
        Assert.All(follow[..^lab.Config.Nodes.Count], name => Assert.StartsWith("proxy-", name, StringComparison.Ordinal));

        var report = await lab.Cluster.RunDaemonUpgradeAsync(plan, request, null, Token);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, $"{report.Error}\n{string.Join('\n', report.Steps)}");
        var after = await RunningAsync();
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), after.Keys.Order(StringComparer.Ordinal));
        Assert.All(after, d => Assert.NotEqual(before[d.Key].Pid, d.Value.Pid));
        Assert.All(before.Values, d => Assert.Null(ProcessIdentity.Find(d.Pid)));
        Assert.All(after.Values, d => Assert.Equal(before[d.Name].Listeners.Order(StringComparer.Ordinal), d.Listeners.Order(StringComparer.Ordinal)));
        Assert.Equal((leader!.Node, leader.Timeline), ((await LeaderAsync())!.Node, (await LeaderAsync())!.Timeline));
        Assert.Contains(await lab.Cluster.GetHistoryAsync(Token), h => h.Id == report.Id && h.Kind == "upgrade");
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task A_rehearsal_changes_nothing_and_says_what_could_be_taken_over()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var agent = (await RunningAsync())[$"supervise-{primary}"];
        var leader = await LeaderAsync();
        for (var i = 0; i < 2; i++)
        {
            var rehearsal = await lab.Cluster.RehearseDaemonAsync(agent, Token);
            Assert.True(rehearsal.Succeeded, rehearsal.Detail);
            Assert.Equal((agent.Version, agent.Version), (rehearsal.Version, rehearsal.NewVersion));
            Assert.Contains(agent.Listeners[0], rehearsal.Detail, StringComparison.Ordinal);
        }

        Assert.True((await RunningAsync())[agent.Name].IsSameProcessAs(agent));
        Assert.Equal(leader, await LeaderAsync());
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task A_successor_that_does_not_come_to_work_is_reported_and_the_daemon_goes_on()
    {
        await lab.WaitUntilSoundAsync();
        var node = (await lab.Cluster.GetNodesAsync(Token)).First(n => n.Role == NodeRole.Standby).Name;
        var agent = (await RunningAsync())[$"supervise-{node}"];
        var good = await File.ReadAllTextAsync(lab.Info.ConfigFile, Token);
        try
        {
            await File.WriteAllTextAsync(lab.Info.ConfigFile, "[nonsense", Token);
            var rehearsal = await lab.Cluster.RehearseDaemonAsync(agent, Token);
            Assert.False(rehearsal.Succeeded);
            Assert.Contains("ended with", rehearsal.Detail, StringComparison.Ordinal);

            // And of an upgrade nothing is begun.
            var request = new DaemonUpgradeRequest { Names = [agent.Name], Actor = "ann@test" };
            var report = await lab.Cluster.RunDaemonUpgradeAsync(await lab.Cluster.PlanDaemonUpgradeAsync(request, Token), request, null, Token);
            Assert.Equal(OperationOutcome.RolledBack, report.Outcome);
            Assert.DoesNotContain(report.Steps, s => s.Name == "follow");
            Assert.Contains("ended with", report.Error, StringComparison.Ordinal);
        }
        finally
        {
            await File.WriteAllTextAsync(lab.Info.ConfigFile, good, Token);
        }

        Assert.True((await RunningAsync())[agent.Name].IsSameProcessAs(agent));
        Assert.Contains((await lab.Cluster.GetDaemonsAsync(Token)).Daemons, d => d.Name == agent.Name && d.State == DaemonState.Failed && d.StartedBy == agent.Pid && d.Error!.Contains("ended with", StringComparison.Ordinal));
        await UpgradeAsync(agent.Name);
        Assert.DoesNotContain((await lab.Cluster.GetDaemonsAsync(Token)).Daemons, d => d.Name == agent.Name && d.State == DaemonState.Failed);
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task What_is_gone_is_refused_by_name()
    {
        await lab.WaitUntilSoundAsync();
        var name = $"proxy-{lab.Config.Poolers[0].Name}";
        var old = (await RunningAsync())[name];
        await UpgradeAsync(name);

        Assert.Equal(Reason.PlanStale, (await Assert.ThrowsAsync<PgClusterException>(() => lab.Cluster.StopDaemonAsync(old, null, Token))).Reason);
        var unknown = await lab.Cluster.PlanDaemonUpgradeAsync(new DaemonUpgradeRequest { Names = ["supervise-pg77"] }, Token);
        Assert.Contains(unknown.Checks, c => c is { Name: "DaemonKnown", Status: CheckStatus.Failed } && c.Evidence.Contains("supervise-pg77", StringComparison.Ordinal));
        Assert.Empty(unknown.Steps);
    }

    [Fact]
    public async Task One_that_is_stopped_has_ended_when_that_returns()
    {
        await lab.WaitUntilSoundAsync();
        var node = (await lab.Cluster.GetNodesAsync(Token)).First(n => n.Role == NodeRole.Standby).Name;
        foreach (var drain in (TimeSpan?[])[null, TimeSpan.FromSeconds(3)])
        {
            var agent = (await RunningAsync())[$"supervise-{node}"];
            try
            {
                await lab.Cluster.StopDaemonAsync(agent, drain, Token);
                Assert.Null(ProcessIdentity.Find(agent.Pid));
                var (daemons, silent) = await lab.Cluster.GetDaemonsAsync(Token);
                Assert.DoesNotContain(daemons, d => d.Name == agent.Name);
                Assert.Contains($"the agent of {node}", Assert.Single(silent).Message, StringComparison.Ordinal);
            }
            finally
            {
                await lab.StartAgainAsync("agent-" + node);
                await lab.WaitUntilSoundAsync();
            }
        }
    }

    [Fact]
    public async Task A_service_manager_that_waits_for_it_is_told_who_is_at_work()
    {
        await lab.WaitUntilSoundAsync();
        var pooler = lab.Config.Poolers[0].Name;
        var path = Path.Combine(lab.Info.Path, "notify.sock");
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(path));
        ClusterLab.Account?.Own(path);

        await lab.StartAgainAsync($"proxy-{pooler}", new Dictionary<string, string?> { ["NOTIFY_SOCKET"] = path });
        var first = lab.Process($"proxy-{pooler}");
        Assert.Equal($"MAINPID={first.Pid}\nREADY=1", await HearAsync(manager));

        // What systemctl reload sends.
        first.Signal(UnixSignal.Hangup);
        var second = (await HearAsync(manager)).Split('\n')[0];
        Assert.NotEqual($"MAINPID={first.Pid}", second);
        await Poll.UntilAsync("the old one has ended", () => !first.IsRunning);
        Assert.Equal(second, $"MAINPID={(await RunningAsync())[$"proxy-{pooler}"].Pid}");
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task An_observer_is_followed_at_a_signal_and_answers_all_the_while()
    {
        await lab.WaitUntilSoundAsync();
        using var ports = new LoopbackPorts();
        var address = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{ports.Take()}");
        using var first = lab.StartCommandLine("observe", "--name", "witness", "--http", address);
        var owner = Path.Combine(lab.DirectoryOf("observe-witness"), "owner");
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        ProcessIdentity? second = null;
        try
        {
            await Poll.UntilAsync("the observer is at work", () => ReadOwner() == Pid(first.Id));
            await Poll.UntilAsync("it answers", async () => await AnswersAsync());
            ProcessIdentity.Find(first.Id)!.Value.Signal(UnixSignal.Hangup);
            await Poll.UntilAsync("another one is at work", async () =>
            {
                Assert.True(await AnswersAsync());
                return ReadOwner() != Pid(first.Id);
            });
            second = ProcessIdentity.Find(int.Parse(ReadOwner(), CultureInfo.InvariantCulture));
            await first.WaitForExitAsync(Token).WaitAsync(Poll.Budget, Token);

            Assert.Equal(0, first.ExitCode);
            Assert.NotNull(second);
            Assert.True(await AnswersAsync());
            await Poll.UntilAsync("it votes", async () => (await lab.Cluster.GetQuorumAsync(Token)).Voters.Contains("witness"));
        }
        finally
        {
            second?.Signal(UnixSignal.Terminate);
            if (!first.HasExited)
            {
                first.Kill();
            }
        }

        string ReadOwner() => File.Exists(owner) ? File.ReadAllText(owner).Trim() : "";

        static string Pid(int pid) => pid.ToString(CultureInfo.InvariantCulture);

        async Task<bool> AnswersAsync()
        {
            try
            {
                using var answer = await http.GetAsync(new Uri($"http://{address}/health"), Token);
                return true;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }
    }

    private static async Task<string> HearAsync(Socket socket)
    {
        var buffer = new byte[256];
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Token);
        patience.CancelAfter(Poll.Budget);
        return Encoding.UTF8.GetString(buffer, 0, await socket.ReceiveAsync(buffer, patience.Token));
    }

    private async Task UpgradeAsync(string name)
    {
        var request = new DaemonUpgradeRequest { Names = [name], Actor = "ann@test", DrainTimeout = TimeSpan.FromSeconds(1) };
        var report = await lab.Cluster.RunDaemonUpgradeAsync(await lab.Cluster.PlanDaemonUpgradeAsync(request, Token), request, null, Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, $"{report.Error}\n{string.Join('\n', report.Steps)}");
    }

    private async Task<Dictionary<string, ClusterDaemon>> RunningAsync() => (await lab.Cluster.GetDaemonsAsync(Token)).Daemons.Where(d => d.State == DaemonState.Running).ToDictionary(d => d.Name);

    private async Task<LeaderRecord?> LeaderAsync() => LeaderRecord.FromJson((await lab.Store.GetAsync(StoreKeys.Leader, Token))?.Value);
}
