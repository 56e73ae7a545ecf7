using System.Globalization;
using Npgsql;
using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>PostgreSQL is restarted on every node while clients write: nobody is elected, nobody sees an error, and no standby stops replaying.</summary>
public sealed class RestartTests(FastLeaderLab lab) : IClassFixture<FastLeaderLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task Settings_that_wait_take_effect_in_an_order_that_every_standby_survives()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var leader = await LeaderAsync();
        var before = Postmasters();
        var limit = await LimitAsync(primary);

        await SetEverywhereAsync($"ALTER SYSTEM SET max_connections = {limit + 10}");
        await PendingAsync(3);
        Assert.All(await lab.Cluster.GetNodesAsync(Token), n => Assert.Equal([$"max_connections: {limit} -> {limit + 10}"], n.PendingSettings));
        var (up, gap) = await RestartWhileWritingAsync();
        Assert.Equal(primary, up.Node!.Split(',')[^1]);
        Assert.Equal((0L, 0L, 0L), (gap.LostCommits, gap.DoubledCommits, gap.ClientErrors));

        await SetEverywhereAsync($"ALTER SYSTEM SET max_connections = {limit}");
        await PendingAsync(3);
        var (down, _) = await RestartWhileWritingAsync();
        Assert.Equal(primary, down.Node!.Split(',')[0]);

        await lab.WaitUntilSoundAsync();
        await PendingAsync(0);
        Assert.Equal((leader.Node, leader.Term), ((await LeaderAsync()).Node, (await LeaderAsync()).Term));
        Assert.Empty(before.Intersect(Postmasters()));
        Assert.Equal(limit, await LimitAsync(primary));
        Assert.Empty((await lab.Cluster.PlanRestartAsync(new RestartRequest { PendingOnly = true }, Token)).Steps);
    }

    [Fact]
    public async Task A_standby_that_does_not_come_back_ends_the_round()
    {
        await lab.WaitUntilSoundAsync();
        var plan = await lab.Cluster.PlanRestartAsync(new RestartRequest(), Token);
        var order = plan.Node!.Split(',');
        Break(order[0]);
        var untouched = order[1..].Select(lab.Postmaster).ToArray();

        var report = await lab.Cluster.RunRestartAsync(plan, new RestartRequest { Actor = "it@here" }, null, Token);

        Assert.Equal((OperationOutcome.NeedsOperator, Reason.PostgresUnavailable), (report.Outcome, report.ErrorReason));
        Assert.Contains(order[0], report.Error, StringComparison.Ordinal);
        Assert.Equal(untouched, order[1..].Select(lab.Postmaster));
        Mend(order[0]);
        await lab.WaitUntilSoundAsync();
        Assert.Equal(order[^1], await lab.PrimaryAsync());
    }

    [Fact]
    public async Task A_primary_that_does_not_come_back_is_replaced_and_nobody_is_left_waiting()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        Break(primary);
        var request = new RestartRequest { Nodes = [primary], Actor = "it@here" };
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 8 }, Token);

        var report = await lab.Cluster.RunRestartAsync(await lab.Cluster.PlanRestartAsync(request, Token), request, null, Token);

        Assert.Equal((OperationOutcome.NeedsOperator, Reason.PostgresUnavailable), (report.Outcome, report.ErrorReason));
        await Poll.UntilAsync("another node leads and serves", async () => await lab.PrimaryAsync() is var next && next != primary && next != "nobody"
            && (await lab.Cluster.GetPoolersAsync(Token)).All(p => p.State == PoolerState.Active && p.PointsTo?.EndsWith($":{lab.PortOf(next)}", StringComparison.Ordinal) == true));
        Mend(primary);
        await lab.WaitUntilSoundAsync();
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.Equal((0L, 0L), (gap.LostCommits, gap.DoubledCommits));
    }

    [Fact]
    public async Task A_standby_is_restarted_alone_and_without_a_pause()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var standby = lab.Config.Nodes.First(n => n.Name != primary).Name;
        var (stays, goes) = (lab.Postmaster(primary), lab.Postmaster(standby));
        var request = new RestartRequest { Nodes = [standby], Actor = "it@here" };

        var report = await lab.Cluster.RunRestartAsync(await lab.Cluster.PlanRestartAsync(request, Token), request, null, Token);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        Assert.Null(report.PausedSeconds);
        Assert.Equal((stays, true), (lab.Postmaster(primary), lab.Postmaster(standby) != goes));
        Assert.Equal(report.Id, (await lab.Cluster.GetHistoryAsync(Token)).First(r => r.Kind == "restart").Id);
    }

    private async Task<(OperationReport Report, WriteGapReport Gap)> RestartWhileWritingAsync()
    {
        var request = new RestartRequest { PendingOnly = true, Why = "it", Actor = "it@here" };
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 16 }, Token);
        var report = await lab.Cluster.RunRestartAsync(await lab.Cluster.PlanRestartAsync(request, Token), request, null, Token);
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        Assert.Equal(3, report.Steps.Count(s => s is { Name: "restart", Succeeded: true }));
        Assert.NotNull(report.PausedSeconds);
        return (report, gap);
    }

    private Task PendingAsync(int nodes) => Poll.UntilAsync(
        $"{nodes} nodes wait for a restart", async () => (await lab.Cluster.GetNodesAsync(Token)).Count(n => n.PendingRestart) == nodes);

    private ProcessIdentity[] Postmasters() => [.. lab.Config.Nodes.Select(n => lab.Postmaster(n.Name))];

    private async Task SetEverywhereAsync(string sql)
    {
        foreach (var node in lab.Config.Nodes)
        {
            await ExecuteAsync(node.Name, sql);
            await ExecuteAsync(node.Name, "SELECT pg_reload_conf()");
        }
    }

    /// <summary>It runs on, and does not start again before <see cref="Mend"/>. Not by ALTER SYSTEM: its file is the agent's to write as well.</summary>
    private void Break(string node) => File.AppendAllText(ConfigurationOf(node), "shared_preload_libraries = 'no_such_library'\n");

    /// <summary>As a whole: it may be started at any moment.</summary>
    private void Mend(string node)
    {
        var file = ConfigurationOf(node);
        File.WriteAllLines(file + ".new", File.ReadLines(file).Where(l => !l.Contains("no_such_library", StringComparison.Ordinal)));
        File.Move(file + ".new", file, overwrite: true);
    }

    private string ConfigurationOf(string node) => Path.Combine(lab.Info.Servers.Single(s => s.Name == node).DataDirectory, "postgresql.conf");

    private async Task<int> LimitAsync(string node) => int.Parse((string)(await ExecuteAsync(node, "SHOW max_connections"))!, CultureInfo.InvariantCulture);

    private async Task<LeaderRecord> LeaderAsync() => LeaderRecord.FromJson((await lab.Store.GetAsync(StoreKeys.Leader, Token))?.Value)!;

    private async Task<object?> ExecuteAsync(string node, string sql)
    {
        await using var connection = new NpgsqlConnection(string.Create(
            CultureInfo.InvariantCulture,
            $"Host=127.0.0.1;Port={lab.PortOf(node)};Username={lab.Config.Postgres.User};Database={lab.Config.Postgres.Database};Pooling=false;Server Compatibility Mode=NoTypeLoading"));
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Token);
    }
}
