using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Switchover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

public sealed class LogicalEngineTests
{
    private const string Tables = """
        CREATE TABLE other (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v integer);
        CREATE TABLE truncated_0 (LIKE other INCLUDING ALL); CREATE TABLE truncated_1 (LIKE other INCLUDING ALL);
        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(13)]
    [InlineData(15)]
    [InlineData(17)]
    [InlineData(18)]
    public async Task A_slot_made_while_tables_are_truncated_can_be_decoded(int major)
    {
        await using var servers = await PublishingServers.StartAsync(major, major);
        await using var two = await TwoDatabases.CreateAsync(servers.Source, Tables, "SELECT 1");
        await using var engine = await EngineAsync(two, TimeProvider.System);

        // Whoever waits for transactions, once or twice, finds a table truncated between its two waits, and written to by one that is at work all the time.
        var writer = await Transaction.BeginAsync(two.Source, "INSERT INTO other (v) VALUES (1)");
        var track = Task.Run(() => engine.TrackAsync(Token));
        for (var round = 0; round < 2; round++)
        {
            await WaitedForAsync($"the writer of round {round}", two, writer);
            await using var truncates = await Transaction.BeginAsync(two.Source, $"TRUNCATE truncated_{round}; INSERT INTO truncated_{round} (v) VALUES (1)");
            await using var outlasts = await Transaction.BeginAsync(two.Source, "INSERT INTO other (v) VALUES (2)");
            await writer.CommitAsync();
            await WaitedForAsync("the ones that came meanwhile", two, truncates, outlasts);
            writer = await Transaction.BeginAsync(two.Source, "INSERT INTO other (v) VALUES (3)");
            await truncates.CommitAsync();
            await writer.ExecuteAsync($"INSERT INTO truncated_{round} (v) VALUES (2)");
            await outlasts.CommitAsync();
        }

        await track;
        await writer.CommitAsync();
        var slot = await TwoDatabases.ScalarAsync<string>(two.Source, "SELECT string_agg(slot_name, ',') FROM pg_replication_slots");
        var changes = await TwoDatabases.ScalarAsync<long>(
            two.Source, $"SELECT count(*) FROM pg_logical_slot_peek_binary_changes('{slot}', NULL, NULL, 'proto_version', '1', 'publication_names', '{slot}')");
        await engine.AbandonAsync(Token);
        Assert.True(changes >= 4, $"{changes} messages: begin, two inserts, commit, and what describes the tables");
    }

    [Fact]
    public async Task A_worker_that_fails_again_and_again_is_not_waited_for()
    {
        await using var servers = await PublishingServers.StartAsync(PostgresInstance.Major, PostgresInstance.Major);
        await using var two = await TwoDatabases.CreateAsync(servers.Source, Tables, "SELECT 1");
        await using var engine = await EngineAsync(two, new FastClock());
        await engine.TrackAsync(Token);
        await engine.CopyAsync(new Progress<SwitchoverProgress>(), Token);
        await TwoDatabases.ExecuteAsync(two.Target, "INSERT INTO other (v) VALUES (1)");
        await TwoDatabases.ExecuteAsync(two.Source, "INSERT INTO other (v) VALUES (2)");

        var error = await Assert.ThrowsAsync<PgClusterException>(() => engine.CatchUpAsync(Token));

        Assert.Equal(Reason.PostgresUnavailable, error.Reason);
        Assert.Contains("fails again and again", error.Message, StringComparison.Ordinal);
        await TwoDatabases.ExecuteAsync(two.Target, "DELETE FROM other");
        await engine.CatchUpAsync(Token);
        await two.AssertEqualAsync();
        await engine.AbandonAsync(Token);
    }

    private static async Task<LogicalEngine> EngineAsync(TwoDatabases two, TimeProvider time)
    {
        foreach (NpgsqlDataSource side in new[] { two.Databases.Source, two.Databases.Target })
        {
            await using var connection = await side.OpenConnectionAsync(Token);
            await SwitchoverObjects.InstallAsync(connection, [], Token);
        }

        var catalog = await CatalogReader.ReadAsync(two.Databases.Source, two.Options, Token);
        return new LogicalEngine(two.Databases, catalog, two.Options, RunLinks.Of(Guid.NewGuid()), time, NullLogger.Instance);
    }

    /// <summary>Until a slot waits for one of the transactions; in which order it does is the server's own affair.</summary>
    private static Task WaitedForAsync(string what, TwoDatabases two, params Transaction[] transactions)
    {
        var ids = string.Join(", ", transactions.Select(t => $"'{t.Id}'"));
        return Poll.UntilAsync(
            $"a slot waits for {what}",
            async () => await TwoDatabases.ScalarAsync<long>(
                two.Source, $"SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted AND transactionid::text IN ({ids})") > 0);
    }

    /// <summary>An open transaction.</summary>
    private sealed class Transaction : IAsyncDisposable
    {
        private readonly NpgsqlConnection _connection;

        private Transaction(NpgsqlConnection connection) => _connection = connection;

        public string Id { get; private set; } = "";

        public static async Task<Transaction> BeginAsync(string connectionString, string sql)
        {
            var transaction = new Transaction(new NpgsqlConnection(connectionString));
            await transaction._connection.OpenAsync(Token);
            await transaction.ExecuteAsync($"BEGIN; {sql}");
            await using var id = new NpgsqlCommand("SELECT txid_current()::text", transaction._connection);
            transaction.Id = (string)(await id.ExecuteScalarAsync(Token))!;
            return transaction;
        }

        public async Task ExecuteAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, _connection);
            await command.ExecuteNonQueryAsync(Token);
        }

        public async Task CommitAsync()
        {
            await ExecuteAsync("COMMIT");
            await DisposeAsync();
        }

        public ValueTask DisposeAsync() => _connection.DisposeAsync();
    }

    /// <summary>On which a second is a minute.</summary>
    private sealed class FastClock : TimeProvider
    {
        public override long GetTimestamp() => base.GetTimestamp() * 60;
    }
}
