using Npgsql;
using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Switchover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

[Collection(ServerPairGroup.Name)]
public sealed class CopyVerifierTests(SwitchoverServers servers)
{
    private const string Filled = """
        CREATE TABLE t ("Id" int, part int, v text, f float8, at timestamptz, b bytea, g int GENERATED ALWAYS AS (part * 2) STORED, PRIMARY KEY (part, "Id"));
        CREATE TABLE keyless (v text, n numeric);
        CREATE TABLE kind (id int PRIMARY KEY, c regclass);
        CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
        """;

    private const string Rows = """
        INSERT INTO t SELECT i, i % 7, 'value ' || i, i / 3.0, timestamptz '2026-01-01 00:00:00+00' + i * interval '1 hour', decode(md5(i::text), 'hex')
          FROM generate_series(1, 5000) i ORDER BY {0};
        INSERT INTO keyless SELECT i % 10, i FROM generate_series(1, 1000) i ORDER BY {0};
        INSERT INTO kind VALUES (1, 't'), (2, 'keyless');
        INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2), (3);
        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(SwitchoverVerify.Sample, 1)]
    [InlineData(SwitchoverVerify.Full, 3)]
    public async Task SW_Verify_the_same_rows_are_the_same_in_any_order_whatever_roles_set(SwitchoverVerify mode, int jobs)
    {
        var options = await FilledAsync();
        var target = options.TargetUri[(options.TargetUri.LastIndexOf('/') + 1)..];
        await SwitchoverServers.ExecuteAsync(
            options.TargetUri,
            $"""
            ALTER DATABASE "{System.Uri.UnescapeDataString(target)}" SET DateStyle = 'German';
              ALTER DATABASE "{System.Uri.UnescapeDataString(target)}" SET TimeZone = 'Asia/Tokyo';
            ALTER DATABASE "{System.Uri.UnescapeDataString(target)}" SET bytea_output = 'escape';
              ALTER DATABASE "{System.Uri.UnescapeDataString(target)}" SET extra_float_digits = -5;
            """);
        var result = await CompareAsync(options, mode, jobs);
        Assert.True(result.Verified, result.Text);
        Assert.Equal((5, 6005L), (result.Tables, result.Rows));

        // About one in a hundred of t, all of the keyless table.
        Assert.InRange(result.RowsCompared, mode == SwitchoverVerify.Full ? 6005 : 1010, mode == SwitchoverVerify.Full ? 6005 : 1150);
        Assert.Contains("no difference", result.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("UPDATE t SET v = v || ' ' WHERE \"Id\" = 77", "public.t checksum")]
    [InlineData("UPDATE t SET f = f + 1e-12 WHERE \"Id\" = 1", "public.t checksum")]
    [InlineData("DELETE FROM t WHERE \"Id\" = 4711", "public.t rows, public.t checksum")]
    [InlineData("INSERT INTO t VALUES (5001, 1)", "public.t rows, public.t checksum")]
    [InlineData("UPDATE keyless SET v = NULL WHERE n = 5", "public.keyless checksum")]
    [InlineData("UPDATE kind SET c = 'keyless' WHERE id = 1", "public.kind checksum")]
    [InlineData("INSERT INTO child VALUES (4)", "public.child rows, public.child checksum")]
    [InlineData("UPDATE t SET v = o.v FROM t o WHERE t.\"Id\" IN (7, 14) AND o.\"Id\" = 21 - t.\"Id\"", "public.t checksum")]
    public async Task SW_Verify_full_finds_one_changed_missing_or_extra_row(string change, string expected)
    {
        var options = await FilledAsync();
        await SwitchoverServers.ExecuteAsync(options.TargetUri, change);
        var result = await CompareAsync(options, SwitchoverVerify.Full, 2);
        Assert.Equal(expected, string.Join(", ", result.Differences.Select(d => $"{d.Table} {d.What}")));
        Assert.All(result.Differences, d => Assert.NotEqual(d.Source, d.Target));
        Assert.Contains(result.Differences[0].Target, result.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SW_Verify_a_sample_finds_every_missing_row_and_changes_of_the_rows_it_looks_at()
    {
        var options = await FilledAsync();
        await SwitchoverServers.ExecuteAsync(options.TargetUri, "DELETE FROM t WHERE \"Id\" = 1; UPDATE t SET v = 'all others'");
        var result = await CompareAsync(options, SwitchoverVerify.Sample, 2);
        Assert.Equal("public.t rows, public.t checksum", string.Join(", ", result.Differences.Select(d => $"{d.Table} {d.What}")));
    }

    [Fact]
    public async Task SW_Verify_looks_at_the_moment_of_the_snapshot()
    {
        var options = await FilledAsync();
        await using var databases = SwitchoverServers.Open(options);
        var tables = (await CatalogReader.ReadAsync(databases.Source, options, Token)).Tables;
        await using var source = await SnapshotGroup.OpenAsync(databases.Source, 2, Token);
        await using var target = await SnapshotGroup.OpenAsync(databases.Target, 2, Token);
        await SwitchoverServers.ExecuteAsync(options.SourceUri, "DELETE FROM t");
        var result = await CopyVerifier.CompareAsync(source.Connections, target.Connections, tables, SwitchoverVerify.Full, TimeProvider.System, Token);
        Assert.True(result.Verified, result.Text);
    }

    [Fact]
    public async Task SW_Verify_keeps_no_lock_on_a_table_it_has_read()
    {
        const string Two = "CREATE TABLE large (id integer PRIMARY KEY); CREATE TABLE little (id integer PRIMARY KEY); INSERT INTO large SELECT generate_series(1, 5000);";
        var options = await servers.CreateAsync(Two, Two);
        await using var databases = SwitchoverServers.Open(options);
        var tables = (await CatalogReader.ReadAsync(databases.Source, options, Token)).Tables;
        await using var source = await SnapshotGroup.OpenAsync(databases.Source, 2, Token);
        await using var target = await SnapshotGroup.OpenAsync(databases.Target, 2, Token);
        await using var writer = await databases.Source.OpenConnectionAsync(Token);
        await ExecuteAsync(writer, "BEGIN; TRUNCATE large; INSERT INTO large SELECT generate_series(1, 5000)");

        var compare = CopyVerifier.CompareAsync(source.Connections, target.Connections, tables, SwitchoverVerify.Full, TimeProvider.System, Token);
        await Poll.UntilAsync("one waits for the writer, and the other has read the little table", async () => await ScalarAsync(databases.Source, """
            SELECT count(*) FILTER (WHERE wait_event_type = 'Lock') = 1 AND count(*) FILTER (WHERE state = 'idle in transaction') = 2
            FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
            """));
        await ExecuteAsync(writer, "SET LOCAL lock_timeout = '5s'; TRUNCATE little; COMMIT");

        Assert.Equal(2, (await compare).Tables);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Token);
    }

    private static async Task<bool> ScalarAsync(NpgsqlDataSource database, string sql)
    {
        await using var command = database.CreateCommand(sql);
        return (bool)(await command.ExecuteScalarAsync(Token))!;
    }

    private static async Task<CopyVerification> CompareAsync(SwitchoverOptions options, SwitchoverVerify mode, int jobs)
    {
        await using var databases = SwitchoverServers.Open(options);
        var tables = (await CatalogReader.ReadAsync(databases.Source, options, Token)).Tables;
        await using var source = await SnapshotGroup.OpenAsync(databases.Source, jobs, Token);
        await using var target = await SnapshotGroup.OpenAsync(databases.Target, jobs, Token);
        return await CopyVerifier.CompareAsync(source.Connections, target.Connections, tables, mode, TimeProvider.System, Token);
    }

    // The objects of the target have other oids, and its rows another order.
    private Task<SwitchoverOptions> FilledAsync() => servers.CreateAsync(
        Filled + Rows.Replace("{0}", "i", StringComparison.Ordinal),
        "CREATE TABLE shift (id int); DROP TABLE shift;" + Filled + Rows.Replace("{0}", "-i", StringComparison.Ordinal));
}
