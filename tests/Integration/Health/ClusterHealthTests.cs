using System.Globalization;
using System.Net;
using Npgsql;
using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Health;

/// <summary>Who is well, as three agents and one more observer of a real cluster agree.</summary>
public sealed class ClusterHealthTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_killed_node_turns_unhealthy_by_quorum_and_comes_back()
    {
        await lab.WaitUntilSoundAsync();
        await UntilAsync("all are healthy", nodes => nodes.All(n => n is { Local: HealthState.Healthy, Consensus: HealthState.Healthy, HealthyVotes: 3, Needed: 2, Voters: 3 }));

        // One that no commit waits for: the cluster stays sound without it.
        var killed = (await lab.Cluster.GetNodesAsync(Token)).First(n => n.Role == NodeRole.Standby && n.SyncState != SyncState.Sync).Name;
        var postmaster = lab.Postmaster(killed);
        await lab.KillAsync("agent-" + killed);
        postmaster.Signal(UnixSignal.Kill);

        // Two of three are left to say so; at once it is only this caller that does.
        var seen = (await lab.Cluster.GetNodeHealthAsync(Token)).Single(n => n.Name == killed);
        Assert.Equal(HealthState.Unhealthy, seen.Local);
        Assert.Contains("PostgreSQL does not answer", seen.Evidence, StringComparison.Ordinal);
        await UntilAsync("the quorum says so", nodes => nodes.Single(n => n.Name == killed) is { Consensus: HealthState.Unhealthy, HealthyVotes: 0, Voters: 3 });
        await UntilAsync("and of nobody else", nodes => nodes.Count(n => n is { Local: HealthState.Healthy, Consensus: HealthState.Healthy, HealthyVotes: 2 }) == 2);
        var quorum = await lab.Cluster.GetQuorumAsync(Token);
        Assert.True(quorum.HasQuorum);
        Assert.Equal([killed], quorum.Missing);
        Assert.StartsWith("has not looked for ", quorum.Observers.Single(o => o.Name == killed).Evidence, StringComparison.Ordinal);

        await lab.StartAgainAsync("agent-" + killed);
        await UntilAsync("it is healthy again", nodes => nodes.All(n => n is { Local: HealthState.Healthy, Consensus: HealthState.Healthy, HealthyVotes: 3 }));
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task An_observer_without_a_PostgreSQL_has_a_vote_as_long_as_it_lives()
    {
        await lab.WaitUntilSoundAsync();
        using var ports = new LoopbackPorts();
        var port = ports.Take();
        using var observer = lab.StartCommandLine(
            "observe", "--name", "witness", "--http", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"), "--health-observer-timeout", "11s");
        try
        {
            await UntilQuorumAsync("it votes", q => q is { Voters: ["pg01", "pg02", "pg03", "witness"], Needed: 3, HasQuorum: true, Missing: [] });
            using var http = new HttpClient { BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}")) };
            Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri("/health", UriKind.Relative), Token)).StatusCode);
            await Poll.UntilAsync("its metrics show three healthy nodes", async () =>
            {
                var metrics = await http.GetStringAsync(new Uri("/metrics", UriKind.Relative), Token);
                return lab.Config.Nodes.All(n =>
                    metrics.Contains($"pgcluster_node_healthy_local{{cluster=\"{lab.Info.Name}\",observer=\"witness\",peer=\"{n.Name}\"}} 1\n", StringComparison.Ordinal)
                    && metrics.Contains($"pgcluster_node_healthy{{cluster=\"{lab.Info.Name}\",observer=\"witness\",peer=\"{n.Name}\"}} 1\n", StringComparison.Ordinal));
            });
        }
        finally
        {
            observer.Kill();
            await observer.WaitForExitAsync(CancellationToken.None);
        }

        await UntilQuorumAsync("its vote goes with its lease", q => q is { Voters: ["pg01", "pg02", "pg03"], Needed: 2 });

        using var refused = lab.StartCommandLine("observe", "--name", "pg01");
        await refused.WaitForExitAsync(Token);
        Assert.Equal((2, true), (refused.ExitCode, (await refused.StandardError.ReadToEndAsync(Token)).Contains("its agent votes under that name", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_read_goes_to_a_standby_that_has_what_it_asks_for()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var standbys = lab.Config.Nodes.Select(n => n.Name).Where(n => n != primary).ToArray();
        await lab.WriteThroughAsync("app");
        var written = Lsn.Parse((await lab.Cluster.GetNodesAsync(Token)).Single(n => n.Name == primary).Lsn!);
        await Poll.UntilAsync("both standbys have it", async () => (await lab.Cluster.GetNodesAsync(Token)).Count(n => n.ReplayLsn is { } replayed && Lsn.Parse(replayed) >= written) == 2);

        var chosen = new HashSet<string>();
        await Poll.UntilAsync("both standbys were chosen", async () =>
        {
            var node = await lab.Cluster.FindReadNodeAsync(new ReadRequest { PastLsn = written }, Token);
            Assert.Equal(NodeRole.Standby, node.Role);
            chosen.Add(node.Name);
            return chosen.Count == 2;
        });
        Assert.Equal(standbys.ToHashSet(), chosen);
        Assert.Equal(primary, (await lab.Cluster.FindReadNodeAsync(new ReadRequest { ForcePrimary = true }, Token)).Name);

        // One that replays no more falls behind: reads that ask for what it lacks go to the other, and a load balancer is told so.
        var (stuck, other) = (standbys[0], standbys[1]);
        await ExecuteAsync(stuck, "SELECT pg_wal_replay_pause()");
        try
        {
            await lab.WriteThroughAsync("app");
            var now = Lsn.Parse((await lab.Cluster.GetNodesAsync(Token)).Single(n => n.Name == primary).Lsn!);
            await Poll.UntilAsync("the other has it", async () =>
                Lsn.Parse((await lab.Cluster.GetNodesAsync(Token)).Single(n => n.Name == other).ReplayLsn!) >= now);
            for (var i = 0; i < 20; i++)
            {
                Assert.Equal(other, (await lab.Cluster.FindReadNodeAsync(new ReadRequest { PastLsn = now }, Token)).Name);
            }

            await UntilReplicaAsync(stuck, "?lag=0", 503);
            await UntilReplicaAsync(stuck, "?lag=1GB", 200);
            await UntilReplicaAsync(stuck, "?lag=1h", 200);
            await UntilReplicaAsync(stuck, "?lag=1h&lag=0", 503);
            await UntilReplicaAsync(other, "?lag=1MB", 200);

            var error = await Assert.ThrowsAsync<PgClusterException>(() => lab.Cluster.FindReadNodeAsync(new ReadRequest { PastLsn = new Lsn(ulong.MaxValue) }, Token));
            Assert.Equal(Reason.NoSuitableNode, error.Reason);
            Assert.All(standbys, s => Assert.Contains($"{s} has replayed ", error.Message, StringComparison.Ordinal));
        }
        finally
        {
            await ExecuteAsync(stuck, "SELECT pg_wal_replay_resume()");
        }

        await UntilReplicaAsync(stuck, "?lag=0", 200);
        await UntilReplicaAsync(primary, "?lag=1GB", 503);
        using var http = new HttpClient();
        using var bad = await http.GetAsync(new Uri(new Uri(lab.Info.Servers.Single(s => s.Name == other).Http), "/replica?lag=lots"), Token);
        Assert.Equal(HttpStatusCode.BadRequest, bad.StatusCode);
        Assert.StartsWith("lag=lots is no limit; expected a size such as 16MB", await bad.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    private async Task UntilAsync(string what, Func<IReadOnlyList<NodeHealth>, bool> holds)
    {
        IReadOnlyList<NodeHealth> last = [];
        try
        {
            await Poll.UntilAsync(what, async () => holds(last = await lab.Cluster.GetNodeHealthAsync(Token)));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException(
                $"{e.Message} Last seen: {string.Join(" | ", last.Select(n => $"{n.Name} {n.Local} {n.Consensus} {n.HealthyVotes}/{n.Needed}/{n.Voters} {n.Evidence}: {string.Join(", ", n.Votes.Select(v => $"{v} {v.Evidence}"))}"))}", e);
        }
    }

    private async Task UntilQuorumAsync(string what, Func<QuorumStatus, bool> holds)
    {
        QuorumStatus? last = null;
        try
        {
            await Poll.UntilAsync(what, async () => holds(last = await lab.Cluster.GetQuorumAsync(Token)));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} Last seen: needed {last?.Needed}, {string.Join(" | ", last?.Observers.Select(o => $"{o} {o.Votes} {o.AgeSeconds} {o.Evidence}") ?? [])}", e);
        }
    }

    private async Task UntilReplicaAsync(string node, string query, int status)
    {
        using var http = new HttpClient();
        var last = 0;
        await Poll.UntilAsync($"/replica{query} of {node} is {status}, not {last}", async () =>
        {
            using var answer = await http.GetAsync(new Uri(new Uri(lab.Info.Servers.Single(s => s.Name == node).Http), "/replica" + query), Token);
            last = (int)answer.StatusCode;
            return last == status;
        });
    }

    private async Task ExecuteAsync(string node, string sql)
    {
        await using var connection = new NpgsqlConnection($"Host=127.0.0.1;Port={lab.PortOf(node)};Username={lab.Config.Postgres.User};Database={lab.Config.Postgres.Database};Pooling=false");
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Token);
    }
}
