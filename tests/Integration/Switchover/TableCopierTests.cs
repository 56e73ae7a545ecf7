using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Switchover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

public sealed class TableCopierTests(PostgresInstance server) : IClassFixture<PostgresInstance>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SW_19_Every_table_arrives_whatever_refers_to_it_and_is_emptied_when_asked()
    {
        await using var two = await TwoDatabases.CreateAsync(server, NastySchema.Schema, NastySchema.Rows);
        await TwoDatabases.ExecuteAsync(two.Target, NastySchema.Rows);
        var end = await CopyAsync(two, new TableCopyRequest { Run = Guid.NewGuid(), Truncate = true, Jobs = 3 });
        await two.AssertEqualAsync();
        Assert.Equal((end.Tables, end.Bytes), (end.TablesDone, end.BytesExpected));
        Assert.Equal(await SumAsync(two.Source, two), end.Rows);
        Assert.Equal(end.Rows, await TwoDatabases.ScalarAsync<decimal>(two.Target, "SELECT sum(rows) FROM pgcluster_switchover.copied"));
    }

    [Fact]
    public async Task A_large_table_is_copied_in_parts_at_the_snapshot_that_was_given()
    {
        await using var two = await TwoDatabases.CreateAsync(
            server, "CREATE TABLE item (id integer PRIMARY KEY, v text) WITH (fillfactor = 10)",
            "INSERT INTO item SELECT g, repeat('x', 300) FROM generate_series(1, 50000) g; ANALYZE item");
        await using var holder = new NpgsqlConnection(two.Source);
        await holder.OpenAsync(Token);
        await using var export = new NpgsqlCommand("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_export_snapshot()", holder);
        var snapshot = (string)(await export.ExecuteScalarAsync(Token))!;
        var expected = await two.ChecksumsAsync(two.Source);
        await TwoDatabases.ExecuteAsync(two.Source, "DELETE FROM item WHERE id % 2 = 0; UPDATE item SET v = 'later'");
        await CopyAsync(two, new TableCopyRequest { Run = Guid.NewGuid(), Snapshot = snapshot });
        Assert.Equal(expected, await two.ChecksumsAsync(two.Target));
        Assert.True(await TwoDatabases.ScalarAsync<long>(two.Target, "SELECT count(*) FROM pgcluster_switchover.copied WHERE parts > 1") > 1);
        Assert.Equal(50_000m, await TwoDatabases.ScalarAsync<decimal>(two.Target, "SELECT sum(rows) FROM pgcluster_switchover.copied"));
    }

    [Fact]
    public async Task A_row_the_target_refuses_fails_the_copy_with_the_servers_words_and_leaves_no_half_table()
    {
        await using var two = await TwoDatabases.CreateAsync(
            server, "CREATE TABLE item (id integer PRIMARY KEY, v text)", "INSERT INTO item SELECT g, repeat('x', 1000) FROM generate_series(1, 20000) g");
        await TwoDatabases.ExecuteAsync(two.Target, "INSERT INTO item VALUES (10, 'in the way')");
        var error = await Assert.ThrowsAsync<PgClusterException>(() => CopyAsync(two, new TableCopyRequest { Run = Guid.NewGuid() }));
        Assert.Equal(Reason.PostgresUnavailable, error.Reason);
        Assert.Contains(PostgresErrorCodes.UniqueViolation, error.Message, StringComparison.Ordinal);
        Assert.Equal(1, await TwoDatabases.ScalarAsync<long>(two.Target, "SELECT count(*) FROM item"));
    }

    [Fact]
    public async Task A_role_that_may_not_leave_triggers_out_is_told_what_it_lacks()
    {
        await using var two = await TwoDatabases.CreateAsync(server, "CREATE TABLE item (id integer PRIMARY KEY)", "SELECT 1");
        await TwoDatabases.ExecuteAsync(two.Target, "DROP ROLE IF EXISTS mover; CREATE ROLE mover LOGIN");
        await using var databases = new SwitchoverDatabases(
            two.Options.SourceUri, two.Options.TargetUri.Replace("postgres@", "mover@", StringComparison.Ordinal), "test", "test");
        var catalog = await CatalogReader.ReadAsync(databases.Source, two.Options, Token);
        var error = await Assert.ThrowsAsync<PgClusterException>(() => new TableCopier(databases, TimeProvider.System, NullLogger.Instance).CopyAsync(
            catalog, new TableCopyRequest { Run = Guid.NewGuid() }, new Progress<SwitchoverProgress>(), Token));
        Assert.Equal(Reason.PreflightFailed, error.Reason);
        Assert.Contains("session_replication_role", error.Message, StringComparison.Ordinal);
    }

    private static async Task<SwitchoverProgress> CopyAsync(TwoDatabases two, TableCopyRequest request) =>
        await new TableCopier(two.Databases, TimeProvider.System, NullLogger.Instance).CopyAsync(
            await CatalogReader.ReadAsync(two.Databases.Source, two.Options, Token), request, new Progress<SwitchoverProgress>(), Token);

    private static async Task<long> SumAsync(string connectionString, TwoDatabases two) =>
        (await two.ChecksumsAsync(connectionString)).Values.Sum(v => long.Parse(v.Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture));
}
