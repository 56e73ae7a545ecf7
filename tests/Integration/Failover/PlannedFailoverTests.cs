using System.Globalization;
using Npgsql;
using PgCluster.Client;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

public sealed class PlannedFailoverTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task Twenty_failovers_under_sixteen_writers_go_unnoticed()
    {
        await lab.WaitUntilSoundAsync();
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 16 }, Token);
        for (var i = 0; i < 20; i++)
        {
            var from = await lab.PrimaryAsync();
            var report = await lab.FailOverAsync(new FailoverRequest());

            Assert.Equal((OperationOutcome.Succeeded, from), (report.Outcome, report.OldPrimary));
            Assert.NotEqual(from, report.NewPrimary);
            Assert.Equal(report.NewPrimary, await lab.PrimaryAsync());

            // Sound includes the old primary streaming again; it may pause between the old timeline's end and the new one.
            await lab.WaitUntilSoundAsync();
            var old = (await lab.Cluster.GetNodesAsync(Token)).Single(n => n.Name == from);
            Assert.Equal((NodeRole.Standby, NodeState.Running, report.NewPrimary), (old.Role, old.State, old.Upstream));

            // The leadership moves faster than the lists before can be dropped; the record is not to grow with each move.
            var record = SynchronousPolicyRecord.FromJson((await lab.Store.GetAsync(StoreKeys.Synchronous, Token))!.Value)!;
            Assert.Distinct(record.InForce.Select(p => (p.Primary, p.Count, string.Join(' ', p.Standbys))));
        }

        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.True(gap.ClientErrors == 0, string.Join("; ", gap.Errors));
        Assert.Equal((0L, 0L, 0L, 0L), (gap.LostCommits, gap.DoubledCommits, gap.AmbiguousCommits, gap.Reconnects));
        Assert.True(gap.Commits > 100, $"only {gap.Commits} commits");
    }

    [Fact]
    public async Task PG_30_etcd_names_the_primary_and_every_pooler_leads_to_it()
    {
        await lab.WaitUntilSoundAsync();
        foreach (var _ in Enumerable.Range(0, 2))
        {
            var primary = await lab.PrimaryAsync();
            Assert.Equal($"127.0.0.1:{lab.PortOf(primary)}", (await lab.Store.GetAsync("/master", Token))!.Value);
            foreach (var pooler in lab.Info.Poolers)
            {
                Assert.Equal(lab.PortOf(primary), await lab.WriteThroughAsync(pooler.Name));
            }

            await lab.FailOverAsync(new FailoverRequest());
            await lab.WaitUntilSoundAsync();
        }
    }

    [Fact]
    public async Task PG_31_and_32_an_open_transaction_stops_a_failover_and_the_same_client_goes_on_after_the_next()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var async = (await lab.Cluster.GetNodesAsync(Token)).Single(n => n.SyncState == SyncState.Potential).Name;
        await using var client = new NpgsqlConnection(lab.ConnectionString(async));
        await client.OpenAsync(Token);
        await ExecuteAsync(client, "BEGIN; CREATE TABLE IF NOT EXISTS it_open (n int); INSERT INTO it_open VALUES (1)");

        using (var command = lab.StartCommandLine("failover", "--yes", "--failover-pause-timeout", "1s", "--failover-pause-expiry", "20s"))
        {
            var output = command.StandardOutput.ReadToEndAsync(Token);
            await command.WaitForExitAsync(Token);
            Assert.NotEqual(0, command.ExitCode);
            Assert.Contains("PauseTimeout", await output, StringComparison.Ordinal);
        }

        Assert.Equal(primary, await lab.PrimaryAsync());
        await lab.WaitUntilSoundAsync();

        // Nobody but the open transaction's own client felt anything, and it neither.
        Assert.Equal(lab.PortOf(primary), await lab.WriteThroughAsync("app"));
        await ExecuteAsync(client, "INSERT INTO it_open VALUES (2); ROLLBACK");

        using (var command = lab.StartCommandLine("failover", "--yes"))
        {
            var output = command.StandardOutput.ReadToEndAsync(Token);
            await command.WaitForExitAsync(Token);
            Assert.True(command.ExitCode == 0, await output);
        }

        var now = await lab.PrimaryAsync();
        Assert.NotEqual(primary, now);
        await using var reached = new NpgsqlCommand("SELECT inet_server_port()", client);
        Assert.Equal(lab.PortOf(now), await reached.ExecuteScalarAsync(Token));
    }

    [Fact]
    public async Task Blockers_are_named_and_terminated_when_asked_for()
    {
        await lab.WaitUntilSoundAsync();
        await using var client = new NpgsqlConnection(lab.ConnectionString("app"));
        await client.OpenAsync(Token);
        await using var begin = new NpgsqlCommand("BEGIN; SELECT pg_backend_pid()", client);
        var pid = (int)(await begin.ExecuteScalarAsync(Token))!;
        await using var quick = ClusterConnection.Open(lab.Info.ConfigFile, new Dictionary<string, string> { ["failover.blocker_age"] = "100ms" });
        OperationPlan plan = null!;
        await Poll.UntilAsync("the open transaction is a blocker", async () =>
        {
            plan = await quick.PlanFailoverAsync(new FailoverRequest { BlockerPolicy = BlockerPolicy.Abort }, Token);
            return plan.Blockers.Count > 0;
        });

        Assert.Contains(plan.Blockers, b => b.Pid == pid && b.State == "idle in transaction");
        var refusal = ClusterConnection.RefusalOf(plan);
        Assert.Equal(Reason.BlockedBySessions, refusal!.Reason);
        Assert.Contains(pid.ToString(CultureInfo.InvariantCulture), refusal.Message, StringComparison.Ordinal);

        var request = new FailoverRequest { BlockerPolicy = BlockerPolicy.Terminate };
        await using var impatient = ClusterConnection.Open(lab.Info.ConfigFile, new Dictionary<string, string> { ["failover.pause_timeout"] = "2s" });
        var report = await impatient.RunFailoverAsync(await impatient.PlanFailoverAsync(request, Token), request, null, Token);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        Assert.Contains("1 sessions terminated", report.Steps.Single(s => s.Name == "pause").Detail, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => ExecuteAsync(client, "SELECT 1"));
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task PG_35_a_key_that_somebody_edits_or_deletes_is_published_again()
    {
        await lab.WaitUntilSoundAsync();
        var address = (await lab.Store.GetAsync("/master", Token))!.Value;

        await lab.Store.DeleteAsync("/master", Token);
        await Poll.UntilAsync("the deleted key is back", async () => (await lab.Store.GetAsync("/master", Token))?.Value == address);

        await lab.Store.PutAsync("/master", "10.0.0.99", null, Token);
        await Poll.UntilAsync("the edited key is mended", async () => (await lab.Store.GetAsync("/master", Token))?.Value == address);
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task A_plan_is_refused_when_the_cluster_has_moved_on()
    {
        await lab.WaitUntilSoundAsync();
        var request = new FailoverRequest();
        var plan = await lab.Cluster.PlanFailoverAsync(request, Token);
        await lab.FailOverAsync(request);
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();

        var report = await lab.Cluster.RunFailoverAsync(plan, request, null, Token);

        Assert.Equal((OperationOutcome.RolledBack, Reason.PlanStale), (report.Outcome, report.ErrorReason));
        Assert.Equal(primary, await lab.PrimaryAsync());
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task A_rehearsal_changes_nothing()
    {
        await lab.WaitUntilSoundAsync();
        async Task<string> SeenAsync()
        {
            var master = await lab.Store.GetAsync("/master", Token);
            var operation = await lab.Store.GetAsync("/operation", Token);
            var history = await lab.Store.ListAsync("/history/", Token);
            return $"{master!.ModRevision} {operation?.ModRevision} {history.Entries.Count} {string.Join(",", (await lab.Cluster.GetPoolersAsync(Token)).Select(p => p.State))}";
        }

        var before = await SeenAsync();
        using var command = lab.StartCommandLine("failover", "--dry-run", "--json");
        var output = await command.StandardOutput.ReadToEndAsync(Token);
        await command.WaitForExitAsync(Token);

        Assert.True(command.ExitCode == 0, output);
        Assert.Contains("\"point_of_no_return\": true", output, StringComparison.Ordinal);
        Assert.Equal(before, await SeenAsync());
    }

    [Fact]
    public async Task The_history_says_who_why_and_how()
    {
        await lab.WaitUntilSoundAsync();
        var report = await lab.FailOverAsync(new FailoverRequest { Why = "kernel update", Actor = "ann@desk" });
        var entry = (await lab.Cluster.GetHistoryAsync(Token))[0];

        Assert.Equal(report.Id, entry.Id);
        Assert.Equal(("kernel update", "ann@desk", report.NewPrimary, report.Timeline), (entry.Why, entry.Actor, entry.NewPrimary, entry.Timeline));
        Assert.Equal(report.Steps, entry.Steps);
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task Http_answers_load_balancers_and_monitoring()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        using var http = new HttpClient();
        foreach (var server in lab.Info.Servers)
        {
            async Task<int> AskAsync(string path, HttpMethod method)
            {
                using var request = new HttpRequestMessage(method, new Uri(new Uri(server.Http), path));
                using var answer = await http.SendAsync(request, Token);
                return (int)answer.StatusCode;
            }

            foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Head, HttpMethod.Options])
            {
                Assert.Equal(200, await AskAsync("/health", method));
                Assert.Equal(server.Name == primary ? 200 : 503, await AskAsync("/primary", method));
                Assert.Equal(server.Name == primary ? 503 : 200, await AskAsync("/replica", method));
            }

            var metrics = await http.GetStringAsync(new Uri(new Uri(server.Http), "/metrics"), Token);
            Assert.Contains($"pgcluster_primary{{cluster=\"{lab.Info.Name}\",node=\"{server.Name}\"}} {(server.Name == primary ? 1 : 0)}\n", metrics, StringComparison.Ordinal);
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Token);
    }
}
