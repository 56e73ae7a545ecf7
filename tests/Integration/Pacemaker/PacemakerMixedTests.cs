using System.Net;
using PgCluster.Adapters.PgBouncer;
using PgCluster.Client;
using PgCluster.Engine.Configuration;
using PgCluster.Playground;
using PgCluster.Playground.Hosts;
using PgCluster.Playground.Pacemaker;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Pacemaker;

/// <summary>A real Pacemaker whose nodes are on their way from pgsql-cluster-manager to us: one agent is ours, the others speak its service only, and its supervise and proxies are beside them.</summary>
[Collection(PacemakerGroup.Name)]
public sealed class PacemakerMixedTests(PacemakerCluster cluster)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task With_one_agent_of_ours_the_primary_moves_to_a_node_of_theirs_and_away_from_it_again()
    {
        await cluster.WaitUntilSoundAsync();
        var primary = await cluster.PrimaryAsync();
        string[] theirs = [.. cluster.Config.Nodes.Select(n => n.Name).Where(n => n != primary)];
        await using var half = await HalfWay.BeginAsync(cluster, theirs);
        var synchronous = "";
        try
        {
            IReadOnlyList<ClusterNode> nodes = [];
            await PacemakerCluster.WaitUntilAsync("somebody is synchronous", async () => (nodes = await half.Cluster.GetNodesAsync(Token)).Any(n => n.SyncState == SyncState.Sync));
            synchronous = nodes.Single(n => n.SyncState == SyncState.Sync).Name;
            Assert.Equal((NodeRole.Standby, NodeState.Running, SyncState.Sync), nodes.Where(n => n.Name == synchronous).Select(n => (n.Role, n.State, n.SyncState)).Single());
            Assert.All(nodes.Where(n => theirs.Contains(n.Name)), n => Assert.StartsWith($"pgsql-cluster-manager's agent; as {primary} sees it in Pacemaker", n.Evidence, StringComparison.Ordinal));

            var pooler = cluster.Config.Poolers.Single(p => p.Node == synchronous);
            await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = $"postgresql://app@{pooler.Host}:{pooler.Port}/app", Writers = 8 }, Token);
            var there = await FailOverAsync(half);
            Assert.Equal((primary, synchronous), (there.OldPrimary, there.NewPrimary));
            Assert.Equal(cluster.Hosts.Host(synchronous).Address, (await cluster.Store.GetAsync("/master", Token))!.Value);
            Assert.Contains(there.Steps, s => s.Name == "repoint" && s.Detail.Contains("pgsql-cluster-manager's agent does not say it", StringComparison.Ordinal));

            // The primary's agent is theirs now: only Pacemaker says who is what, and nobody removes the lock file that it leaves.
            await PacemakerCluster.WaitUntilAsync("somebody is synchronous", async () => (await half.Cluster.GetNodesAsync(Token)).Any(n => n.SyncState == SyncState.Sync));
            var plan = await half.Cluster.PlanFailoverAsync(new FailoverRequest(), Token);
            Assert.Contains(plan.Checks, c => c is { Name: "PacemakerWouldDo", Status: CheckStatus.Passed });
            Assert.Contains(plan.Checks, c => c is { Name: "PauseBlockers", Status: CheckStatus.Warning });
            var away = await FailOverAsync(half);
            Assert.Equal(synchronous, away.OldPrimary);
            Assert.DoesNotContain(away.Steps, s => s.Name == "checkpoint");

            var gap = await meter.StopAsync(CancellationToken.None);
            TestContext.Current.SendDiagnosticMessage($"through a pooler of theirs: {gap}; {string.Join("; ", gap.Errors)}");
            Assert.Equal((0L, 0L), (gap.LostCommits, gap.DoubledCommits));
            Assert.Empty((await PacemakerHosts.ReadAsync(cluster.Hosts.Host(primary), Token)).Moves);
            Assert.All(half.Agents, a => Assert.DoesNotContain(a.Calls, c => c is "migrate" or "unmigrate"));
            Assert.All(half.Agents, a => Assert.Contains(a.Calls, c => c == $"pause {cluster.Config.Failover.PauseTimeout.TotalSeconds:0} {cluster.Config.Failover.PauseExpiry.TotalSeconds:0}"));
        }
        finally
        {
            await half.DisposeAsync();
            await cluster.Hosts.LetBackAsync(synchronous, CancellationToken.None);
        }

        await cluster.WaitUntilSoundAsync();
    }

    private static async Task<OperationReport> FailOverAsync(HalfWay half)
    {
        var request = new FailoverRequest();
        var report = await half.Cluster.RunFailoverAsync(await half.Cluster.PlanFailoverAsync(request, Token), request, null, Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, $"{report.Error}\n{string.Join('\n', report.Steps)}");
        return report;
    }

    /// <summary>The nodes that are pgsql-cluster-manager's still: our agents and proxies there are stopped, and stand-ins of its agent, its supervise and its proxy are there instead until it is disposed.</summary>
    private sealed class HalfWay : IAsyncDisposable
    {
        private readonly PacemakerCluster _whole;
        private readonly string[] _theirs;
        private readonly string _file = Path.GetTempFileName();
        private readonly CancellationTokenSource _stop = new();
        private readonly List<Task> _work = [];
        private bool _disposed;

        private HalfWay(PacemakerCluster whole, string[] theirs) => (_whole, _theirs) = (whole, theirs);

        public List<PgcmAgent> Agents { get; } = [];

        /// <summary>A client whose configuration has their addresses.</summary>
        public ClusterConnection Cluster { get; private set; } = null!;

        public static async Task<HalfWay> BeginAsync(PacemakerCluster whole, string[] theirs)
        {
            var half = new HalfWay(whole, theirs);
            try
            {
                await half.BeginAsync();
                return half;
            }
            catch
            {
                await half.DisposeAsync();
                throw;
            }
        }

        public async ValueTask DisposeAsync()
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            await _stop.CancelAsync();
            await Task.WhenAll(_work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (Cluster is not null)
            {
                await Cluster.DisposeAsync();
            }

            foreach (var agent in Agents)
            {
                await agent.DisposeAsync();
            }

            foreach (var node in _theirs)
            {
                await _whole.Hosts.Unit("agent-" + node).StartAsync(CancellationToken.None);
                await _whole.Hosts.Unit("proxy-" + node).StartAsync(CancellationToken.None);
            }

            _stop.Dispose();
            File.Delete(_file);
        }

        private static PgBouncerConsole Console(PoolerConfig pooler) => new(new PgBouncerAddress(pooler.Host, pooler.Port), pooler.User, "", TimeProvider.System);

        private async Task BeginAsync()
        {
            var config = _whole.Config;
            foreach (var node in _theirs)
            {
                await _whole.Hosts.Unit("agent-" + node).StopAsync(Token);
                await _whole.Hosts.Unit("proxy-" + node).StopAsync(Token);
                var pooler = config.Poolers.Single(p => p.Node == node);
                var agent = await PgcmAgent.StartAsync(IPAddress.Parse(HostNetwork.MachineAddress), Console(pooler));
                Agents.Add(agent);
                config = config with { Nodes = [.. config.Nodes.Select(n => n.Name == node ? n with { Pgcm = agent.Address } : n)] };
            }

            await File.WriteAllTextAsync(_file, ConfigRenderer.Render(config, comments: false));
            Cluster = ClusterConnection.Open(_file);
            _work.AddRange(_theirs.Select(SuperviseAsync));
            _work.AddRange(_theirs.Select(node => ProxyAsync(config.Poolers.Single(p => p.Node == node))));
        }

        /// <summary>Writes the host of whoever has the latest data into the key, when that is another than before.</summary>
        private async Task SuperviseAsync(string node)
        {
            var last = "";
            while (!_stop.IsCancellationRequested)
            {
                try
                {
                    var cib = await PacemakerHosts.ReadAsync(_whole.Hosts.Host(node), _stop.Token);
                    if (cib.HasQuorum && cib.Nodes.FirstOrDefault(n => n.Attributes.GetValueOrDefault("Postgresql-data-status") == "LATEST") is { } latest && latest.Name != last)
                    {
                        await _whole.Store.CompareAndUpdateAsync("/master", _whole.Hosts.Host(latest.Name).Address, _stop.Token);
                        last = latest.Name;
                    }
                }
                catch (PgClusterException)
                {
                    // It logs that, and goes on.
                }

                await Task.Delay(TimeSpan.FromSeconds(1), _stop.Token);
            }
        }

        /// <summary>Renders the configuration for the host in the key, and reloads.</summary>
        private async Task ProxyAsync(PoolerConfig pooler)
        {
            await using var console = Console(pooler);
            var template = await File.ReadAllTextAsync(_whole.Hosts.Paths.Cluster.PoolerTemplate(pooler.Name), _stop.Token);
            var last = "";
            while (!_stop.IsCancellationRequested)
            {
                try
                {
                    if (await _whole.Store.GetAsync("/master", _stop.Token) is { } entry && entry.Value != last)
                    {
                        var server = _whole.Hosts.State.Servers.Single(s => s.Host == entry.Value);
                        await File.WriteAllTextAsync(_whole.Hosts.Paths.Cluster.PoolerConfig(pooler.Name), PlaygroundFiles.Render(template, server), _stop.Token);
                        await console.ReloadAsync(_stop.Token);
                        last = entry.Value;
                    }
                }
                catch (PgClusterException)
                {
                    // It tries again.
                }

                await Task.Delay(TimeSpan.FromMilliseconds(20), _stop.Token);
            }
        }
    }
}
