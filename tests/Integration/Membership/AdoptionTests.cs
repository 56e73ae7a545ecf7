using Npgsql;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Membership;

/// <summary>An existing cluster is taken under management while it runs.</summary>
public sealed class AdoptionTests(AdoptionLab lab) : IClassFixture<AdoptionLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_running_cluster_is_left_alone_and_then_taken_over_without_a_restart()
    {
        await Poll.UntilAsync("every agent waits", async () => (await lab.Cluster.GetNodesAsync(Token)).All(n => n.Evidence.Contains("ran already before its agent came", StringComparison.Ordinal)), TimeSpan.FromMinutes(3));
        Assert.Null(await lab.Store.GetAsync(StoreKeys.Leader, Token));
        Assert.Equal(Reason.NotInitialized, (await Assert.ThrowsAsync<PgClusterException>(() => lab.Peers.Node("pg02").VoteAsync(Token))).Reason);

        // As an operator may have it who never needed a name.
        var info = await QueryAsync("pg03", "SELECT current_setting('primary_conninfo')");
        await QueryAsync("pg03", $"ALTER SYSTEM SET primary_conninfo = '{info.Replace("application_name=pg03", "application_name=walreceiver", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal)}'");
        await QueryAsync("pg03", "SELECT pg_reload_conf()");
        await Poll.UntilAsync("pg03 streams under another name", async () => await StreamingAsync() == "pg02,walreceiver");
        var before = await StartedAsync();

        var plan = await lab.Cluster.PlanInitializeAsync(new InitializeRequest(), Token);
        Assert.DoesNotContain(plan.Checks, c => c.Status == CheckStatus.Failed);
        Assert.Equal("pg03", plan.Steps.Single(s => s.Name == InitializeSteps.Names).Node);
        Assert.Equal("pg02,walreceiver", await StreamingAsync());
        Assert.Null(await lab.Store.GetAsync(StoreKeys.Cluster, Token));

        var report = await lab.Cluster.RunInitializeAsync(plan, new InitializeRequest { Why = "a test", Actor = "me@here" }, null, Token);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        Assert.Equal(before, await StartedAsync());
        Assert.Equal("pg02,pg03", await StreamingAsync());
        Assert.Contains("no server was restarted", report.Steps.Single(s => s.Name == InitializeSteps.Stream).Detail, StringComparison.Ordinal);
        Assert.Equal("pg01", LeaderRecord.FromJson((await lab.Store.GetAsync(StoreKeys.Leader, Token))?.Value)?.Node);
        Assert.Equal("me@here", ClusterIdentity.FromJson((await lab.Store.GetAsync(StoreKeys.Cluster, Token))?.Value)?.By);
        Assert.Contains(await lab.Cluster.GetHistoryAsync(Token), r => r is { Kind: "initialize", Why: "a test" });

        var again = await lab.Cluster.PlanInitializeAsync(new InitializeRequest(), Token);
        Assert.Empty(again.Steps);
        Assert.Equal(CheckStatus.Failed, again.Checks.Single(c => c.Name == "NotInitialized").Status);

        // Now it is a cluster like any other.
        await Poll.UntilAsync("the failover may run", async () => (await lab.Cluster.PlanFailoverAsync(new FailoverRequest { Target = "pg03" }, Token)).Steps.Count > 0);
        var request = new FailoverRequest { Target = "pg03" };
        var failover = await lab.Cluster.RunFailoverAsync(await lab.Cluster.PlanFailoverAsync(request, Token), request, null, Token);
        Assert.True(failover.Outcome == OperationOutcome.Succeeded, failover.Error);
        Assert.Equal("pg03", await lab.PrimaryAsync());
    }

    private async Task<string> StreamingAsync() => await QueryAsync("pg01", "SELECT coalesce(string_agg(application_name, ',' ORDER BY application_name), '') FROM pg_stat_replication WHERE state = 'streaming'");

    private async Task<string[]> StartedAsync() =>
        await Task.WhenAll(lab.Config.Nodes.Select(n => QueryAsync(n.Name, "SELECT pg_postmaster_start_time()::text")));

    private async Task<string> QueryAsync(string node, string sql)
    {
        await using var connection = new NpgsqlConnection($"Host=127.0.0.1;Port={lab.PortOf(node)};Username=postgres;Database=postgres;Pooling=false");
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Token) as string ?? "";
    }
}
