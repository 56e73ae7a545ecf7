using System.Runtime.Versioning;
using Npgsql;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Membership;

/// <summary>A cluster is made where there is none.</summary>
[SupportedOSPlatform("linux")]
public sealed class NewClusterTests(NewClusterLab lab) : IClassFixture<NewClusterLab>
{
    private static readonly InitializeRequest Request = new() { New = true, Primary = "pg02", Why = "a test", Actor = "me@here", Timeout = TimeSpan.FromMinutes(3) };

    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_cluster_of_three_is_made_from_nothing_and_whatever_fails_before_leaves_nothing_behind()
    {
        await Poll.UntilAsync("every agent waits", async () => (await lab.Cluster.GetNodesAsync(Token)).All(n => n.Evidence.Contains("there is no server yet", StringComparison.Ordinal)), TimeSpan.FromMinutes(3));
        await RefusesWhatIsInTheWayAsync();
        await LeavesNothingBehindAsync("initdb", carriedOut: true);
        await LeavesNothingBehindAsync("initdb", carriedOut: false);
        await LeavesNothingOfAnInitdbThatFailsAsync();
        await DiscardsNothingOfOthersAsync();

        var plan = await lab.Cluster.PlanInitializeAsync(Request, Token);
        Assert.DoesNotContain(plan.Checks, c => c.Status == CheckStatus.Failed);
        var report = await lab.Cluster.RunInitializeAsync(plan, Request, null, Token);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        Assert.Equal(
            [InitializeSteps.Lock, InitializeSteps.Recheck, InitializeSteps.Make, InitializeSteps.Begin, InitializeSteps.Lead, InitializeSteps.Stream],
            report.Steps.Where(s => s.Phase == StepPhase.Run).Select(s => s.Name));
        Assert.Equal("pg01, pg03 stream", report.Steps.Single(s => s.Name == InitializeSteps.Stream).Detail);
        Assert.Equal("pg01,pg03", await StreamingFromAsync("pg02"));
        Assert.Equal("2", await QueryAsync("pg02", "SELECT count(*)::text FROM pg_replication_slots WHERE active"));
        Assert.Equal("on C.UTF-8 UTF8 replica on", await QueryAsync(
            "pg02", "SELECT concat_ws(' ', current_setting('data_checksums'), datcollate, pg_encoding_to_char(encoding), current_setting('wal_level'), current_setting('wal_log_hints')) FROM pg_database WHERE datname = 'template1'"));
        Assert.Equal(["data"], lab.FilesOf("pg02"));
        Assert.Contains(await lab.Cluster.GetHistoryAsync(Token), r => r is { Kind: "create", Outcome: OperationOutcome.Succeeded, Why: "a test", Actor: "me@here" });
        var system = await QueryAsync("pg02", "SELECT system_identifier::text FROM pg_control_system()");
        Assert.Equal(system, ClusterIdentity.FromJson((await lab.Store.GetAsync(StoreKeys.Cluster, Token))?.Value)?.SystemIdentifier);
        await NobodyGetsInWithoutThePasswordAsync();
        await KeepsTheSecretAsync(report);

        var again = await lab.Cluster.PlanInitializeAsync(Request, Token);
        Assert.Empty(again.Steps);
        Assert.Equal(CheckStatus.Failed, again.Checks.Single(c => c.Name == "NotInitialized").Status);
        Assert.Equal(3, again.Checks.Count(c => c is { Name: "EmptyDirectory", Status: CheckStatus.Failed }));

        // Now it is a cluster like any other.
        await QueryAsync("pg02", "CREATE TABLE kept AS SELECT 1 AS one");
        var request = new FailoverRequest { Target = "pg03" };
        var failover = await lab.Cluster.RunFailoverAsync(await lab.Cluster.PlanFailoverAsync(request, Token), request, null, Token);
        Assert.True(failover.Outcome == OperationOutcome.Succeeded, failover.Error);
        Assert.Equal("1", await QueryAsync("pg03", "INSERT INTO kept VALUES (2); SELECT count(*)::text FROM kept WHERE one = 2"));
        await Poll.UntilAsync("pg01 and pg02 stream from pg03", async () => await StreamingFromAsync("pg03") == "pg01,pg02");
    }

    /// <summary>Nothing of it is touched.</summary>
    private async Task RefusesWhatIsInTheWayAsync()
    {
        var alien = Path.Combine(lab.DataOf("pg02"), "lost+found");
        Directory.CreateDirectory(alien);
        var plan = await lab.Cluster.PlanInitializeAsync(Request, Token);
        Assert.Empty(plan.Steps);
        Assert.Contains("is not empty", plan.Checks.Single(c => c is { Name: "EmptyDirectory", Status: CheckStatus.Failed }).Evidence, StringComparison.Ordinal);

        // Agents are not taken in by a plan that was made before.
        await using (var held = await HoldAsync())
        {
            Assert.Equal(Reason.PlanStale, (await Assert.ThrowsAsync<PgClusterException>(() => lab.Peers.Node("pg02").MakeServerAsync(held.Token, "C.UTF-8", "UTF8", Token))).Reason);
            Assert.Equal(Reason.LockLost, (await Assert.ThrowsAsync<PgClusterException>(() =>
                lab.Peers.Node("pg03").MakeServerAsync(held.Token with { LockRevision = 1 }, "C.UTF-8", "UTF8", Token))).Reason);
        }

        Assert.True(Directory.Exists(alien));
        Directory.Delete(alien);
        File.SetUnixFileMode(lab.PasswordFile, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        Assert.Contains("until its mode is 0600", (await lab.Cluster.PlanInitializeAsync(Request, Token)).Checks.Single(c => c is { Name: "CanBeMade", Status: CheckStatus.Failed }).Evidence, StringComparison.Ordinal);
        File.SetUnixFileMode(lab.PasswordFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private async Task LeavesNothingBehindAsync(string call, bool carriedOut)
    {
        var flow = new InitializeFlow(lab.Config, lab.Store, new FaultyPeers(lab.Peers, call, carriedOut), TimeProvider.System);
        var report = await flow.RunAsync(await flow.PlanAsync(Request, Token), Request, null, Token);

        Assert.Equal((OperationOutcome.RolledBack, Reason.AgentUnreachable), (report.Outcome, report.ErrorReason));
        Assert.Equal(carriedOut ? "removed" : "nothing was there", report.Steps.Single(s => s is { Name: InitializeSteps.Make, Phase: StepPhase.Undo }).Detail);
        await NothingIsThereAsync();
    }

    private async Task LeavesNothingOfAnInitdbThatFailsAsync()
    {
        var request = Request with { Locale = "tlh_KLINGON" };
        var report = await lab.Cluster.RunInitializeAsync(await lab.Cluster.PlanInitializeAsync(request, Token), request, null, Token);

        Assert.Equal(OperationOutcome.RolledBack, report.Outcome);
        Assert.Contains("tlh_KLINGON", report.Error, StringComparison.Ordinal);
        await NothingIsThereAsync();
    }

    /// <summary>What one operation made stays when another is undone, and what nobody has made is not put in place.</summary>
    private async Task DiscardsNothingOfOthersAsync()
    {
        await using var held = await HoldAsync();
        await lab.Peers.Node("pg01").MakeServerAsync(held.Token, "C", "UTF8", Token);
        Assert.Equal(["data.pgcluster-new"], lab.FilesOf("pg01"));

        Assert.False(await lab.Peers.Node("pg01").DiscardServerAsync(held.Token with { Id = "another" }, Token));
        Assert.Equal(Reason.PlanStale, (await Assert.ThrowsAsync<PgClusterException>(() => lab.Peers.Node("pg01").BeginServerAsync(held.Token with { Id = "another" }, Token))).Reason);
        Assert.Equal(["data.pgcluster-new"], lab.FilesOf("pg01"));

        Assert.True(await lab.Peers.Node("pg01").DiscardServerAsync(held.Token, Token));
        await NothingIsThereAsync();
    }

    private async Task NothingIsThereAsync()
    {
        Assert.Empty(lab.FilesOf("pg01"));
        Assert.Equal(["data"], lab.FilesOf("pg02"));
        Assert.Empty(Directory.GetFileSystemEntries(lab.DataOf("pg02")));
        Assert.Empty(lab.FilesOf("pg03"));
        Assert.Null(await lab.Store.GetAsync(StoreKeys.Cluster, Token));
        Assert.Null(await lab.Store.GetAsync(StoreKeys.Leader, Token));
    }

    private async Task NobodyGetsInWithoutThePasswordAsync()
    {
        foreach (var role in new[] { "boss", "replicator" })
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(async () => await QueryAsync("pg02", "SELECT 1", role, "guess"));
            Assert.Equal(PostgresErrorCodes.InvalidPassword, refused.SqlState);
        }
    }

    private async Task KeepsTheSecretAsync(OperationReport report)
    {
        Assert.DoesNotContain("secret", string.Join('\n', report.Steps.Select(s => s.Detail)), StringComparison.Ordinal);
        foreach (var log in Directory.GetFiles(lab.Run.Paths.Root, "*.log", SearchOption.AllDirectories))
        {
            Assert.DoesNotContain("secret", await File.ReadAllTextAsync(log, Token), StringComparison.Ordinal);
        }
    }

    private Task<string> StreamingFromAsync(string node) =>
        QueryAsync(node, "SELECT string_agg(application_name, ',' ORDER BY application_name) FROM pg_stat_replication WHERE state = 'streaming'");

    private async Task<HeldLock> HoldAsync()
    {
        var held = await lab.Store.AcquireLockAsync(
            new StoreKeys(lab.Config.Etcd.PrimaryKey).Lock, new LockHolder("me@here", "a test"), TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(20), Token);
        return new HeldLock(held);
    }

    private async Task<string> QueryAsync(string node, string sql, string user = "boss", string password = NewClusterLab.Password)
    {
        var text = new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = lab.Config.Nodes.Single(n => n.Name == node).Port,
            Username = user,
            Password = password,
            Database = lab.Config.Postgres.Database,
            Pooling = false,
        };
        await using var connection = new NpgsqlConnection(text.ConnectionString);
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Token) as string ?? "";
    }

    private sealed class HeldLock(IStoreLock held) : IAsyncDisposable
    {
        public Engine.Nodes.OperationToken Token { get; } = new("by-hand", held.Key, held.CreateRevision);

        public ValueTask DisposeAsync() => held.DisposeAsync();
    }
}
