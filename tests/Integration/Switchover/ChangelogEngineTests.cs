using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Switchover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

public sealed class ChangelogEngineTests(PostgresInstance server) : IClassFixture<PostgresInstance>
{
    private const string Simple = "CREATE TABLE item (id integer PRIMARY KEY, v text)";

    private static readonly IProgress<SwitchoverProgress> _nobody = new Progress<SwitchoverProgress>();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SW_17_SW_19_A_nasty_schema_under_load_is_equal_after_the_drain_and_after_the_way_back()
    {
        await using var two = await TwoDatabases.CreateAsync(server, NastySchema.Schema, NastySchema.Rows);
        var run = Guid.NewGuid();
        await using var engine = Engine(two, run);
        await using (var load = new SwitchoverLoad(two.Source))
        {
            await CommittedAsync(load, 200);
            await engine.TrackAsync(Token);
            await CommittedAsync(load, 500);
            await engine.CopyAsync(_nobody, Token);
            await CommittedAsync(load, 1000);
            await engine.CatchUpAsync(Token);
            await CommittedAsync(load, 500);
            await engine.CatchUpAsync(Token);
            await CommittedAsync(load, 100);
            await load.StopAsync();
        }

        Assert.True(await engine.GetLagAsync(Token) > 0);
        await engine.DrainAsync(Token);
        Assert.Equal(0, await engine.GetLagAsync(Token));
        await two.AssertEqualAsync();
        await engine.TurnAsync(Token);
        Assert.Equal(0, await TwoDatabases.ScalarAsync<long>(two.Target, "SELECT count(*) FROM pgcluster_switchover.change_log"));
        await engine.FlowBackAsync(Token);
        Assert.Equal(0, await TwoDatabases.ScalarAsync<long>(two.Source, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%pgcluster%'"));

        // The application is on the new database now. Identity columns go on there where sequences were put, which is not this engine's business.
        await TwoDatabases.ExecuteAsync(two.Target, "SELECT setval('employee_id_seq', 100000), setval('audit_id_seq', 100000)");
        await using var back = new ChangelogEngine(two.Back, two.Options, Guid.NewGuid(), following: true, new OwnTransaction(two.Back.Source), TimeProvider.System, NullLogger.Instance);
        await using (var load = new SwitchoverLoad(two.Target, seed: 77))
        {
            await CommittedAsync(load, 500);
            await back.TrackAsync(Token);
            await back.CopyAsync(_nobody, Token);
            await back.CatchUpAsync(Token);
            await CommittedAsync(load, 500);
            await load.StopAsync();
        }

        await back.DrainAsync(Token);
        await two.AssertEqualAsync();
        await back.TurnAsync(Token);
        await back.FlowBackAsync(Token);
        await back.AbandonAsync(Token);
        Assert.Equal(0, await two.ObjectsAsync());
    }

    [Fact]
    public async Task SW_17_A_row_inserted_updated_and_deleted_between_syncs_leaves_nothing_and_an_exchanged_key_both_rows()
    {
        await using var two = await TwoDatabases.CreateAsync(server, Simple, "INSERT INTO item SELECT g, g::text FROM generate_series(1, 10) g");
        await using var engine = Engine(two, Guid.NewGuid());
        await engine.TrackAsync(Token);
        await engine.CopyAsync(_nobody, Token);
        await TwoDatabases.ExecuteAsync(two.Source, """
            INSERT INTO item VALUES (11, 'a'); UPDATE item SET v = 'b' WHERE id = 11; DELETE FROM item WHERE id = 11;
            UPDATE item SET id = 0 WHERE id = 1; UPDATE item SET id = 1 WHERE id = 2; UPDATE item SET id = 2 WHERE id = 0;
            DELETE FROM item WHERE id = 3; INSERT INTO item VALUES (3, 'again');
            """);
        await engine.DrainAsync(Token);
        await two.AssertEqualAsync();
        Assert.Equal("2,1,again", await TwoDatabases.ScalarAsync<string>(two.Target, "SELECT string_agg(v, ',' ORDER BY id) FROM item WHERE id < 4"));
    }

    [Fact]
    public async Task SW_3_A_changed_row_is_written_with_every_column_but_the_computed_ones_and_keeps_its_key()
    {
        const string Table = """
            CREATE TABLE test (foo text, id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, bar numeric, doubled numeric GENERATED ALWAYS AS (bar * 2) STORED)
            """;
        await using var two = await TwoDatabases.CreateAsync(server, Table, "INSERT INTO test (foo, bar) SELECT 'old', g FROM generate_series(1, 3) g");
        await using var engine = Engine(two, Guid.NewGuid());
        await engine.TrackAsync(Token);
        await engine.CopyAsync(_nobody, Token);
        await TwoDatabases.ExecuteAsync(
            two.Source, "UPDATE test SET foo = 'new' WHERE id = 1; UPDATE test SET bar = NULL WHERE id = 2; INSERT INTO test (foo, bar) VALUES ('more', 4.50)");
        await engine.DrainAsync(Token);
        Assert.Equal(
            "1 new 1 2, 2 old - -, 3 old 3 6, 4 more 4.50 9.00",
            await TwoDatabases.ScalarAsync<string>(
                two.Target,
                "SELECT string_agg(concat_ws(' ', id, foo, coalesce(bar::text, '-'), coalesce(doubled::text, '-')), ', ' ORDER BY id) FROM test"));
    }

    [Fact]
    public async Task A_sync_whose_log_was_not_purged_is_applied_again_without_harm()
    {
        await using var two = await TwoDatabases.CreateAsync(server, Simple, "INSERT INTO item SELECT g, 'old' FROM generate_series(1, 100) g");
        await using var engine = Engine(two, Guid.NewGuid());
        await engine.TrackAsync(Token);
        await engine.CopyAsync(_nobody, Token);
        await TwoDatabases.ExecuteAsync(two.Source, "DELETE FROM item WHERE id = 1; TRUNCATE item; INSERT INTO item VALUES (1, 'a'), (2, 'b')");

        // As a kill between the target's commit and the source's leaves it.
        await TwoDatabases.ExecuteAsync(two.Source, "CREATE TABLE pgcluster_switchover.kept AS SELECT * FROM pgcluster_switchover.change_log");
        await engine.DrainAsync(Token);
        await two.AssertEqualAsync();
        await TwoDatabases.ExecuteAsync(
            two.Source,
            "INSERT INTO pgcluster_switchover.change_log SELECT * FROM pgcluster_switchover.kept;"
            + "UPDATE item SET id = 3 WHERE id = 2; DELETE FROM item WHERE id = 1");
        await engine.DrainAsync(Token);
        await two.AssertEqualAsync();
        Assert.Equal("3", await TwoDatabases.ScalarAsync<string>(two.Target, "SELECT string_agg(id::text, ',') FROM item"));
    }

    [Fact]
    public async Task An_interrupted_copy_goes_on_with_the_tables_that_are_missing()
    {
        const string Schema = $"{Simple}; CREATE TABLE other (id integer PRIMARY KEY, v text)";
        await using var two = await TwoDatabases.CreateAsync(
            server, Schema, "INSERT INTO item SELECT g, repeat('x', 200) FROM generate_series(1, 20000) g;"
                + "INSERT INTO other SELECT g, 'o' FROM generate_series(1, 50) g");
        var run = Guid.NewGuid();
        await using (var first = Engine(two, run))
        {
            await first.TrackAsync(Token);
            await using var blocker = new NpgsqlConnection(two.Target);
            await blocker.OpenAsync(Token);
            await using var begin = new NpgsqlCommand("BEGIN; LOCK TABLE other", blocker);
            await begin.ExecuteNonQueryAsync(Token);
            using var kill = new CancellationTokenSource();
            var copy = first.CopyAsync(_nobody, kill.Token);
            await Poll.UntilAsync("the large table is copied", async () => await CopiedAsync(two) == 1);
            await kill.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => copy);
        }

        var written = await TwoDatabases.ScalarAsync<string>(two.Target, "SELECT xmin::text || ctid::text FROM item WHERE id = 20000");
        await TwoDatabases.ExecuteAsync(two.Source, "UPDATE item SET v = 'later' WHERE id = 1; DELETE FROM other WHERE id = 1");
        await using var second = Engine(two, run);
        Assert.Contains("0 of them from now on", await second.TrackAsync(Token), StringComparison.Ordinal);
        await second.CopyAsync(_nobody, Token);
        Assert.Equal(written, await TwoDatabases.ScalarAsync<string>(two.Target, "SELECT xmin::text || ctid::text FROM item WHERE id = 20000"));
        await second.DrainAsync(Token);
        await two.AssertEqualAsync();

        // What was copied counts only as long as every change since was kept.
        await TwoDatabases.ExecuteAsync(two.Source, "ALTER TABLE item DISABLE TRIGGER ALL; UPDATE item SET v = 'unseen'; ALTER TABLE item ENABLE TRIGGER ALL");
        var lost = await Assert.ThrowsAsync<PgClusterException>(() => second.DrainAsync(Token));
        Assert.Equal(Reason.PreflightFailed, lost.Reason);
        Assert.Contains("public.item", lost.Message, StringComparison.Ordinal);
        await second.TrackAsync(Token);
        await second.CopyAsync(_nobody, Token);
        await second.DrainAsync(Token);
        await two.AssertEqualAsync();
        await second.AbandonAsync(Token);
        await second.AbandonAsync(Token);
        Assert.Equal(0, await two.ObjectsAsync());
    }

    [Fact]
    public async Task A_sync_keeps_no_lock_on_a_table_it_has_read()
    {
        await using var two = await TwoDatabases.CreateAsync(server, $"{Simple}; CREATE TABLE other (id integer PRIMARY KEY, v text)", "SELECT 1");
        await using var engine = Engine(two, Guid.NewGuid());
        await engine.TrackAsync(Token);
        await engine.CopyAsync(_nobody, Token);
        await TwoDatabases.ExecuteAsync(two.Source, "INSERT INTO item VALUES (1, 'a'); INSERT INTO other VALUES (1, 'a')");
        await using var writer = new NpgsqlConnection(two.Source);
        await writer.OpenAsync(Token);
        await ExecuteAsync(writer, "BEGIN; TRUNCATE other; INSERT INTO other VALUES (2, 'b')");

        var sync = engine.CatchUpAsync(Token);
        await Poll.UntilAsync("the sync waits for the writer", async () => await TwoDatabases.ScalarAsync<long>(
            two.Source, "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'other'::regclass") > 0);
        await ExecuteAsync(writer, "SET LOCAL lock_timeout = '5s'; TRUNCATE item; COMMIT");
        await sync;

        await engine.DrainAsync(Token);
        await two.AssertEqualAsync();
        await engine.AbandonAsync(Token);
    }

    [Fact]
    public async Task A_writer_that_holds_a_table_delays_the_triggers_but_nobody_else()
    {
        await using var two = await TwoDatabases.CreateAsync(server, Simple, "INSERT INTO item VALUES (1, 'a'), (2, 'b')");
        await using var writer = new NpgsqlConnection(two.Source);
        await writer.OpenAsync(Token);
        await ExecuteAsync(writer, "BEGIN; UPDATE item SET v = 'held' WHERE id = 1");

        await using var engine = Engine(two, Guid.NewGuid());
        var track = engine.TrackAsync(Token);
        await Poll.UntilAsync(
            "the engine waits for the lock",
            async () => await TwoDatabases.ScalarAsync<long>(
                two.Source, "SELECT count(*) FROM pg_locks WHERE mode = 'ShareRowExclusiveLock' AND NOT granted") > 0);
        for (var i = 0; i < 20; i++)
        {
            await TwoDatabases.ExecuteAsync(two.Source, "SET lock_timeout = '2s'; UPDATE item SET v = v || 'x' WHERE id = 2");
        }

        Assert.False(track.IsCompleted);
        await ExecuteAsync(writer, "COMMIT");
        await track;
        await engine.CopyAsync(_nobody, Token);
        await engine.DrainAsync(Token);
        await two.AssertEqualAsync();
    }

    [Fact]
    public async Task Tables_without_a_key_are_refused_by_name_and_nothing_is_made()
    {
        await using var two = await TwoDatabases.CreateAsync(server, $"{Simple}; CREATE TABLE keyless (v text); CREATE TABLE also (v text)", "SELECT 1");
        await using var engine = Engine(two, Guid.NewGuid());
        var refused = await Assert.ThrowsAsync<PgClusterException>(() => engine.TrackAsync(Token));
        Assert.Equal(Reason.PreflightFailed, refused.Reason);
        Assert.Contains("public.also, public.keyless", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, await two.ObjectsAsync());
    }

    [Fact]
    public async Task Owner_and_granted_parameter_are_enough_and_writers_need_no_right_on_the_log()
    {
        await using var two = await TwoDatabases.CreateAsync(server, Simple, "INSERT INTO item VALUES (1, 'a')");
        const string Roles = """
            DO $$ BEGIN CREATE ROLE owner_only LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
            DO $$ BEGIN CREATE ROLE writer_only LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
            ALTER TABLE item OWNER TO owner_only;
            GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON item TO writer_only;
            GRANT SET ON PARAMETER session_replication_role TO owner_only;
            DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO owner_only', current_database()); END $$;
            """;
        await TwoDatabases.ExecuteAsync(two.Source, Roles);
        await TwoDatabases.ExecuteAsync(two.Target, Roles);
        var options = two.Options with
        {
            SourceUri = two.Options.SourceUri.Replace("postgres@", "owner_only@", StringComparison.Ordinal),
            TargetUri = two.Options.TargetUri.Replace("postgres@", "owner_only@", StringComparison.Ordinal),
        };
        await using var databases = new SwitchoverDatabases(options.SourceUri, options.TargetUri, "test", "test");
        await using var engine = new ChangelogEngine(databases, options, Guid.NewGuid(), following: false, new OwnTransaction(databases.Source), TimeProvider.System, NullLogger.Instance);
        await engine.TrackAsync(Token);
        await engine.CopyAsync(_nobody, Token);
        await TwoDatabases.ExecuteAsync(
            new NpgsqlConnectionStringBuilder(two.Source) { Username = "writer_only" }.ConnectionString,
            "TRUNCATE item; INSERT INTO item VALUES (2, 'b'), (3, 'c'); DELETE FROM item WHERE id = 3; UPDATE item SET v = 'd'");
        await engine.CatchUpAsync(Token);
        await engine.DrainAsync(Token);
        await two.AssertEqualAsync();
        await engine.TurnAsync(Token);
        await engine.AbandonAsync(Token);
        Assert.Equal(0, await two.ObjectsAsync());
    }

    [Fact]
    public async Task A_way_back_without_kept_changes_is_refused()
    {
        await using var two = await TwoDatabases.CreateAsync(server, Simple, "SELECT 1");
        await using var back = new ChangelogEngine(two.Back, two.Options, Guid.NewGuid(), following: true, new OwnTransaction(two.Back.Source), TimeProvider.System, NullLogger.Instance);
        Assert.Equal(Reason.PreflightFailed, (await Assert.ThrowsAsync<PgClusterException>(() => back.TrackAsync(Token))).Reason);
    }

    private static ChangelogEngine Engine(TwoDatabases two, Guid run) =>
        new(two.Databases, two.Options, run, following: false, new OwnTransaction(two.Databases.Source), TimeProvider.System, NullLogger.Instance);

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Token);
    }

    private static Task CommittedAsync(SwitchoverLoad load, long more)
    {
        var from = load.Committed;
        return Poll.UntilAsync($"{more} transactions are committed", () => load.Committed >= from + more);
    }

    private static async Task<long> CopiedAsync(TwoDatabases two) =>
        await TwoDatabases.ScalarAsync<bool>(two.Target, "SELECT to_regclass('pgcluster_switchover.copied') IS NOT NULL")
            ? await TwoDatabases.ScalarAsync<long>(two.Target, "SELECT count(*) FROM pgcluster_switchover.copied")
            : 0;
}
