using System.Globalization;
using Npgsql;
using PgCluster.Client;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>The clients of a whole cluster led to another PostgreSQL through its poolers, and back, whoever dies meanwhile.</summary>
public sealed class PoolerRouteTests(ClusterLab lab, PostgresInstance other) : IClassFixture<ClusterLab>, IClassFixture<PostgresInstance>, IAsyncLifetime
{
    private const string Database = "app";
    private const string WritesTable = """
        DROP TABLE IF EXISTS route_writes;
        CREATE TABLE route_writes (id bigint GENERATED ALWAYS AS IDENTITY);
        GRANT ALL ON route_writes TO app;

        """;

    private static readonly Dictionary<string, string> ShortBudgets = new()
    {
        ["failover.pause_timeout"] = "2s", ["failover.migrate_timeout"] = "4s", ["failover.pause_expiry"] = "8s", ["failover.lock_ttl"] = "10s",
    };

    private readonly Guid _run = Guid.NewGuid();

    private static CancellationToken Token => ClusterLab.Token;

    public async ValueTask InitializeAsync()
    {
        await lab.WaitUntilSoundAsync();
        await other.ExecuteAsync("""
            DO $$ BEGIN CREATE ROLE app LOGIN SUPERUSER; EXCEPTION WHEN duplicate_object THEN NULL; END $$
            """);
        if (await ScalarAsync(other.Port, "postgres", $"SELECT count(*) FROM pg_database WHERE datname = '{Database}'") == 0)
        {
            await other.ExecuteAsync($"CREATE DATABASE {Database}");
        }

        await ExecuteAsync(other.Port, WritesTable);
        await ExecuteAsync(await PrimaryPortAsync(), WritesTable + """
            DROP SCHEMA IF EXISTS pgcluster_switchover CASCADE;
            """);
    }

    /// <summary>Leads clients home again, for the next test.</summary>
    public async ValueTask DisposeAsync()
    {
        if (await RedirectAsync() is { State: RedirectState.Active })
        {
            await using var route = Open(back: true);
            await MoveAsync(route);
        }

        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task Sixteen_writers_are_led_to_another_server_and_back_without_an_error()
    {
        var primary = await PrimaryPortAsync();
        await using var writers = RouteWriters.Start(lab.ConnectionString("app"));
        await Poll.UntilAsync("all write to the primary", () => writers.AllWriteTo(primary));

        await using (var there = Open())
        {
            await there.PrepareAsync(Token);
            Assert.Equal(RedirectState.Pending, (await RedirectAsync())!.State);
            await Poll.UntilAsync("they still write to the primary", () => writers.AllWriteTo(primary));
            await there.StopAsync(Token);
            Assert.False(there.StopLost.IsCancellationRequested);
            var stopped = await RowsAsync(primary);
            await there.SwitchAsync(Token);
            await there.ReleaseAsync(Token);
            await Poll.UntilAsync("all write to the other server", () => writers.AllWriteTo(other.Port));
            Assert.Equal(stopped, await RowsAsync(primary));
        }

        await using (var home = Open(back: true))
        {
            await home.PrepareAsync(Token);
            await home.StopAsync(Token);
            var stopped = await RowsAsync(other.Port);
            await home.SwitchAsync(Token);
            await home.ReleaseAsync(Token);
            await Poll.UntilAsync("all write to the primary again", () => writers.AllWriteTo(primary));
            Assert.Equal(stopped, await RowsAsync(other.Port));
        }

        await writers.StopAsync();
        Assert.Empty(writers.Errors);
        Assert.Equal(await RowsAsync(primary), writers.Acknowledged[primary]);
        Assert.Equal(await RowsAsync(other.Port), writers.Acknowledged[other.Port]);
        Assert.Null(await RedirectAsync());
    }

    [Fact]
    public async Task A_proxy_killed_while_clients_are_elsewhere_leads_there_when_it_is_started_again()
    {
        await using (var route = Open())
        {
            await MoveAsync(route);
        }

        await lab.KillAsync("proxy-app");

        // What the dead one said outlives it: not to be taken for what the new one says.
        await lab.Store.DeleteAsync(StoreKeys.Proxies + "app", Token);
        await lab.StartAgainAsync("proxy-app");

        ProxyReport? report = null;
        await Poll.UntilAsync("the new proxy has said where its pooler leads", async () =>
        {
            report = ProxyReport.FromJson((await lab.Store.GetAsync(StoreKeys.Proxies + "app", Token))?.Value ?? "");
            return report?.Address is not null;
        });
        Assert.Equal($"127.0.0.1:{other.Port}", report!.Address);
        Assert.Equal(other.Port, await lab.WriteThroughAsync("app"));
    }

    [Fact]
    public async Task A_client_that_dies_after_the_flip_is_carried_on_by_the_primarys_agent()
    {
        await using var writers = RouteWriters.Start(lab.ConnectionString("app"));
        await DieStoppedAsync();
        await PointAsync(SourcePointer.UseNextDatabase);

        await Poll.UntilAsync("all write to the other server", () => writers.AllWriteTo(other.Port));
        await Poll.UntilAsync("every pooler leads there", async () =>
            (await lab.Cluster.GetPoolersAsync(Token)).All(p => p is { State: PoolerState.Active } && p.PointsTo == $"127.0.0.1:{other.Port}"));

        await writers.StopAsync();
        Assert.Empty(writers.Errors);
        Assert.Equal(RedirectState.Active, (await RedirectAsync())!.State);
    }

    [Fact]
    public async Task A_client_that_dies_before_the_flip_leaves_everything_to_the_primary()
    {
        var primary = await PrimaryPortAsync();
        await using var writers = RouteWriters.Start(lab.ConnectionString("app"));
        await PointAsync(SourcePointer.InProgress);
        await DieStoppedAsync();
        await Poll.UntilAsync("the poolers are active again", async () => (await lab.Cluster.GetPoolersAsync(Token)).All(p => p.State == PoolerState.Active));

        // Not reset yet: it could still be flipped, so the announcement stays.
        Assert.Equal(RedirectState.Pending, (await RedirectAsync())!.State);
        await PointAsync("idle");

        await Poll.UntilAsync("the announcement is gone", async () => await RedirectAsync() is null, TimeSpan.FromSeconds(90));
        await Poll.UntilAsync("all write to the primary", () => writers.AllWriteTo(primary));
        await writers.StopAsync();
        Assert.Empty(writers.Errors);
        Assert.Equal(0, await RowsAsync(other.Port));
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task A_failover_of_the_cluster_left_behind_leaves_the_poolers_alone()
    {
        await using (var route = Open())
        {
            await MoveAsync(route);
        }

        var before = await lab.PrimaryAsync();
        await using var writers = RouteWriters.Start(lab.ConnectionString("app"));
        await Poll.UntilAsync("all write to the other server", () => writers.AllWriteTo(other.Port));
        var request = new FailoverRequest { Actor = "it" };
        var plan = await lab.Cluster.PlanFailoverAsync(request, Token);
        Assert.Contains(plan.Checks, c => c is { Name: "ClientsElsewhere", Status: CheckStatus.Warning });

        var report = await lab.Cluster.RunFailoverAsync(plan, request, null, Token);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        Assert.DoesNotContain(report.Steps, s => s.Name is "pause" or "repoint" or "resume");
        Assert.NotEqual(before, await lab.PrimaryAsync());
        Assert.All(await lab.Cluster.GetPoolersAsync(Token), p => Assert.Equal($"127.0.0.1:{other.Port}", p.PointsTo));
        await writers.StopAsync();
        Assert.Empty(writers.Errors);
        Assert.Equal([other.Port], writers.Acknowledged.Keys);

        await using (var home = Open(back: true))
        {
            await MoveAsync(home);
        }

        Assert.Equal(await PrimaryPortAsync(), await lab.WriteThroughAsync("app"));
    }

    [Fact]
    public async Task A_plan_made_before_the_clients_left_is_stale()
    {
        var request = new FailoverRequest { Actor = "it" };
        var plan = await lab.Cluster.PlanFailoverAsync(request, Token);
        await using (var route = Open())
        {
            await MoveAsync(route);
        }

        var report = await lab.Cluster.RunFailoverAsync(plan, request, null, Token);

        Assert.Equal((OperationOutcome.RolledBack, Reason.PlanStale), (report.Outcome, report.ErrorReason));
        Assert.Equal(other.Port, await lab.WriteThroughAsync("app"));
    }

    [Fact]
    public async Task A_pooler_that_would_lead_others_away_too_refuses_before_anybody_waits_and_it_is_undone()
    {
        await using var route = lab.Cluster.OpenRoute(_run, "127.0.0.1", other.Port, "app2", "elsewhere", "it");

        var error = await Assert.ThrowsAsync<PgClusterException>(() => route.PrepareAsync(Token));
        await route.ReleaseAsync(Token);

        Assert.Equal(Reason.PreflightFailed, error.Reason);
        Assert.Contains("serves app too, which would be led away together with elsewhere", error.Message, StringComparison.Ordinal);
        Assert.Null(await RedirectAsync());
        Assert.Null((await lab.Cluster.GetClusterAsync(Token)).LockHolder);
    }

    [Fact]
    public async Task Released_after_the_stop_clients_go_on_with_the_primary()
    {
        await using var writers = RouteWriters.Start(lab.ConnectionString("app"));
        await using var route = Open();
        await route.PrepareAsync(Token);
        await route.StopAsync(Token);
        var stopped = await RowsAsync(await PrimaryPortAsync());

        await route.ReleaseAsync(Token);

        Assert.Null(await RedirectAsync());
        await Poll.UntilAsync("rows come to the primary again", async () => await RowsAsync(await PrimaryPortAsync()) > stopped);
        await writers.StopAsync();
        Assert.Empty(writers.Errors);
        await lab.WaitUntilSoundAsync();
    }

    private static async Task MoveAsync(IClientRoute route)
    {
        await route.PrepareAsync(Token);
        await route.StopAsync(Token);
        await route.SwitchAsync(Token);
        await route.ReleaseAsync(Token);
    }

    /// <summary>A client that has stopped the route and then is no more: neither its lock nor its pauses are kept alive.</summary>
    private async Task DieStoppedAsync()
    {
        await using var client = ClusterConnection.Open(lab.Info.ConfigFile, ShortBudgets);
        var route = client.OpenRoute(_run, "127.0.0.1", other.Port, Database, Database, "it");
        await route.PrepareAsync(Token);
        await route.StopAsync(Token);
    }

    private IClientRoute Open(bool back = false) => lab.Cluster.OpenRoute(_run, "127.0.0.1", other.Port, Database, Database, "it", back);

    private async Task<Redirect?> RedirectAsync() => Redirect.FromJson((await lab.Store.GetAsync(StoreKeys.Redirect, Token))?.Value);

    private async Task<int> PrimaryPortAsync() => lab.PortOf(await lab.PrimaryAsync());

    private async Task PointAsync(string state) => await ExecuteAsync(await PrimaryPortAsync(), $"""
        CREATE SCHEMA IF NOT EXISTS pgcluster_switchover;
        CREATE TABLE IF NOT EXISTS pgcluster_switchover.state (ok boolean PRIMARY KEY DEFAULT true CHECK (ok), current_state text, run_id uuid);
        INSERT INTO pgcluster_switchover.state (current_state, run_id) VALUES ('{state}', '{_run}')
          ON CONFLICT (ok) DO UPDATE SET current_state = excluded.current_state, run_id = excluded.run_id;
        """);

    private static Task<long> RowsAsync(int port) => ScalarAsync(port, Database, "SELECT count(*) FROM route_writes");

    private static async Task<long> ScalarAsync(int port, string database, string sql)
    {
        await using var connection = new NpgsqlConnection(PostgresInstance.ConnectionString(port, database));
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        return Convert.ToInt64(await command.ExecuteScalarAsync(Token), CultureInfo.InvariantCulture);
    }

    private static async Task ExecuteAsync(int port, string sql)
    {
        await using var connection = new NpgsqlConnection(PostgresInstance.ConnectionString(port, Database));
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Token);
    }
}
