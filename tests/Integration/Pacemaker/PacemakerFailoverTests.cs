using Npgsql;
using PgCluster.Client;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Pacemaker;

/// <summary>Planned failovers through a real Pacemaker.</summary>
[Collection(PacemakerGroup.Name)]
public sealed class PacemakerFailoverTests(PacemakerCluster cluster)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ten_failovers_under_sixteen_writers_go_unnoticed_and_leave_nothing()
    {
        await cluster.WaitUntilSoundAsync();
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = cluster.ClientUri, Writers = 16 }, Token);
        for (var i = 0; i < 10; i++)
        {
            var from = await cluster.PrimaryAsync();
            var synchronous = (await cluster.Cluster.GetNodesAsync(Token)).Single(n => n.SyncState == SyncState.Sync).Name;
            var report = await cluster.FailOverAsync(new FailoverRequest());

            Assert.True(report.Outcome == OperationOutcome.Succeeded, $"{report.Error}\n{(report.Error is null ? "" : await cluster.ShowAsync())}");
            Assert.Equal((from, synchronous), (report.OldPrimary, report.NewPrimary));

            // Without constraint, lock file and failures, all streaming: as it is when the report is there.
            await cluster.WaitUntilSoundAsync();
        }

        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.True(gap.ClientErrors == 0, string.Join("; ", gap.Errors));
        Assert.Equal((0L, 0L, 0L, 0L), (gap.LostCommits, gap.DoubledCommits, gap.AmbiguousCommits, gap.Reconnects));
        Assert.True(gap.Commits > 100, $"only {gap.Commits} commits");
        TestContext.Current.SendDiagnosticMessage($"largest write gap {gap}");
    }

    [Fact]
    public async Task PG_30_etcd_names_the_primary_and_every_pooler_leads_to_it()
    {
        await cluster.WaitUntilSoundAsync();
        var address = cluster.Hosts.Host(await cluster.PrimaryAsync()).Address;

        Assert.Equal(address, (await cluster.Store.GetAsync("/master", Token))!.Value);
        foreach (var pooler in cluster.Config.Poolers)
        {
            Assert.Equal(address, await cluster.ReachAsync(pooler.Name));
        }
    }

    [Fact]
    public async Task PG_31_and_32_an_open_transaction_stops_a_failover_and_the_same_client_goes_on_after_the_next()
    {
        await cluster.WaitUntilSoundAsync();
        var primary = await cluster.PrimaryAsync();
        var async = (await cluster.Cluster.GetNodesAsync(Token)).Single(n => n is { Role: NodeRole.Standby, SyncState: not SyncState.Sync }).Name;
        await using var client = await cluster.ConnectAsync(async);
        await using (var begin = new NpgsqlCommand("BEGIN; CREATE TABLE IF NOT EXISTS it_open (n int); INSERT INTO it_open VALUES (1)", client))
        {
            await begin.ExecuteNonQueryAsync(Token);
        }

        var request = new FailoverRequest();
        await using (var hasty = ClusterConnection.Open(cluster.Hosts.ConfigFile, new Dictionary<string, string> { ["failover.pause_timeout"] = "1s" }))
        {
            var refused = await hasty.RunFailoverAsync(await hasty.PlanFailoverAsync(request, Token), request, null, Token);
            Assert.Equal((OperationOutcome.RolledBack, Reason.PauseTimeout), (refused.Outcome, refused.ErrorReason));
        }

        // Nothing was asked of Pacemaker, and nobody waits.
        Assert.Equal("", await cluster.AmissAsync());
        Assert.Equal(cluster.Hosts.Host(primary).Address, await cluster.ReachAsync("app"));
        await using (var end = new NpgsqlCommand("INSERT INTO it_open VALUES (2); ROLLBACK", client))
        {
            await end.ExecuteNonQueryAsync(Token);
        }

        var report = await cluster.FailOverAsync(request);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        Assert.NotEqual(primary, report.NewPrimary);
        Assert.Equal(cluster.Hosts.Host(report.NewPrimary!).Address, await PacemakerCluster.ReachAsync(client));
        await cluster.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task PG_34_a_second_failover_is_not_resumed_by_the_expiry_of_the_first()
    {
        await cluster.WaitUntilSoundAsync();
        var (request, expiry) = (new FailoverRequest(), TimeSpan.FromSeconds(25));
        await using var usual = ClusterConnection.Open(cluster.Hosts.ConfigFile, new Dictionary<string, string> { ["failover.migrate_timeout"] = "15s", ["failover.pause_expiry"] = "25s" });
        var plan = await usual.PlanFailoverAsync(request, Token);
        var began = TimeProvider.System.GetTimestamp();

        // Whatever becomes of it on a machine that is busy: it has paused.
        var first = await usual.RunFailoverAsync(plan, request, null, Token);
        Assert.Contains(first.Steps, s => s is { Name: "pause", Phase: StepPhase.Run, Succeeded: true });

        // The second one's pause, held until the first one's expiry is over.
        var pooler = (await cluster.Cluster.GetPoolersAsync(Token)).Single(p => p.Name == "app");
        var lease = await cluster.Cluster.SuspendPoolerAsync(pooler, "second", null, TimeSpan.FromSeconds(60), Token);
        var left = expiry - TimeProvider.System.GetElapsedTime(began);
        await Task.Delay(left > TimeSpan.Zero ? left + TimeSpan.FromSeconds(1) : TimeSpan.Zero, Token);

        Assert.Equal(lease.Id, (await cluster.Cluster.GetPoolersAsync(Token)).Single(p => p.Name == "app").Lease?.Id);
        Assert.True(await cluster.Cluster.ResumePoolerAsync(pooler, lease.Id, Token));
        await cluster.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task PG_35_a_key_that_was_deleted_or_changed_by_hand_is_published_again()
    {
        await cluster.WaitUntilSoundAsync();
        var primary = await cluster.PrimaryAsync();

        await cluster.Store.DeleteAsync("/master", Token);
        await cluster.WaitUntilPublishedAsync(primary);
        await cluster.Store.PutAsync("/master", "198.18.0.250", null, Token);
        await cluster.WaitUntilPublishedAsync(primary);
    }
}
