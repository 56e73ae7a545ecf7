using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// Triggers of one database that write the key of every changed row into a table of it. They fire in every session, replicas' included, except in those that
/// bring the rows of a switchover.
/// </summary>
/// <remarks>
/// CREATE TRIGGER waits for every transaction that has written to the table, and every later statement sees the trigger. So once it is there,
/// what it did not log is committed and in every snapshot taken from then on: there is no need to wait for transactions that are merely old.
/// </remarks>
internal sealed class ChangeTracking
{
    /// <summary>Log of changes: tbl is the oid of the table, key the text of its key's columns, NULL for TRUNCATE.</summary>
    internal const string Log = $"{CatalogReader.OwnSchema}.change_log";

    private const string Run = $"{CatalogReader.OwnSchema}.change_run";
    internal const string RowTrigger = "zz_pgcluster_change_log";
    private const string TruncateTrigger = "zz_pgcluster_change_log_truncate";

    // Whoever waits for a lock makes everyone who comes after wait as well: so wait this long only, and come again.
    private const string LockTimeout = "SET LOCAL lock_timeout = '200ms'";

    private const string LockNotAvailable = "55P03";
    private const string DeadlockDetected = "40P01";
    private const string DependentObjectsStillExist = "2BP01";
    private const string UndefinedObject = "42704";
    private const string UndefinedTable = "42P01";
    private const string InvalidSchemaName = "3F000";

    // A trigger that somebody disabled, even for a moment, is not ENABLE ALWAYS any more: ENABLE TRIGGER makes it an ordinary one.
    private const string Present = """
        SELECT t.tgrelid FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'pgcluster_switchover' AND NOT t.tgisinternal AND t.tgname IN ('zz_pgcluster_change_log', 'zz_pgcluster_change_log_truncate')
          AND t.tgenabled = 'A'
        GROUP BY t.tgrelid HAVING count(*) = 2
        """;

    private const string Tracked = """
        SELECT DISTINCT n.nspname::text, c.relname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace f ON f.oid = p.pronamespace
        WHERE f.nspname = 'pgcluster_switchover' AND NOT t.tgisinternal AND t.tgname IN ('zz_pgcluster_change_log', 'zz_pgcluster_change_log_truncate')
        ORDER BY 1, 2
        """;

    private const string Blockers = """
        SELECT coalesce(string_agg(DISTINCT
          l.pid || ' (' || coalesce(nullif(a.application_name, ''), a.usename::text, 'prepared transaction') || ')', ', '), '')
        FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
        WHERE l.relation = {0} AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND l.mode IN ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
        """;

    private static readonly TimeSpan _retryAfter = TimeSpan.FromMilliseconds(300);

    // The text of these is the same whatever the session's settings; of all others it is made under fixed ones, which costs a little at each change.
    private static readonly string[] _plainTypes =
        ["smallint", "integer", "bigint", "uuid", "text", "character varying", "character", "numeric", "boolean", "oid", "name"];

    private readonly NpgsqlDataSource _database;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    internal ChangeTracking(NpgsqlDataSource database, TimeProvider time, ILogger logger)
    {
        _database = database;
        _time = time;
        _logger = logger;
    }

    /// <summary>Sees to it that every table is tracked for this run; what another run left is removed before.</summary>
    /// <param name="run">The run.</param>
    /// <param name="tables">Tables as this database has them, each with a key.</param>
    /// <param name="before">Is told of the tables that were not tracked until now, before they are.</param>
    /// <param name="cancellationToken">Ends the wait for locks.</param>
    /// <returns>How many tables were not tracked until now.</returns>
    internal async Task<int> InstallAsync(
        Guid run, IReadOnlyList<SwitchoverTable> tables, Func<IReadOnlyList<SwitchoverTable>, Task> before, CancellationToken cancellationToken)
    {
        var connection = await _database.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = connection.ConfigureAwait(false);
        if (await OwnerAsync(connection, cancellationToken).ConfigureAwait(false) is { } owner && owner != run)
        {
            await RemoveAsync(connection, cancellationToken).ConfigureAwait(false);
        }

        await SwitchoverSession.ExecuteAsync(
            connection,
            [
                $"CREATE SCHEMA IF NOT EXISTS {CatalogReader.OwnSchema}",
                $"CREATE TABLE IF NOT EXISTS {Log} (id bigserial, tbl oid NOT NULL, key text[], PRIMARY KEY (tbl, id))",
                $"CREATE TABLE IF NOT EXISTS {Run} (run_id uuid PRIMARY KEY)",
                $"INSERT INTO {Run} VALUES ('{run}') ON CONFLICT DO NOTHING",
            ],
            cancellationToken).ConfigureAwait(false);

        var missing = await MissingAsync(connection, tables, cancellationToken).ConfigureAwait(false);
        if (missing.Count > 0)
        {
            await before(missing).ConfigureAwait(false);
            var partly = (await TrackedAsync(connection, cancellationToken).ConfigureAwait(false)).ToHashSet();
            foreach (var table in missing)
            {
                // Dropping a trigger, even one that is not there, waits for readers as well: only where there is one.
                string[] drop = partly.Contains(table.Name) ? Drop(table.Name) : [];
                await LockedAsync(connection, table.Name, [.. drop, .. Install(table)], cancellationToken).ConfigureAwait(false);
            }
        }

        return missing.Count;
    }

    /// <summary>Makes the tracking that another run has left on here this run's.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PreflightFailed"/>: there is none.</exception>
    internal async Task AdoptAsync(Guid run, IReadOnlyList<SwitchoverTable> tables, CancellationToken cancellationToken)
    {
        var connection = await _database.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = connection.ConfigureAwait(false);
        if (await OwnerAsync(connection, cancellationToken).ConfigureAwait(false) is null)
        {
            throw new PgClusterException(
                Reason.PreflightFailed,
                $"{SwitchoverSession.Where(connection)} has kept no changes for the way back: it was not wanted, or has been given up.");
        }

        await VerifyAsync(connection, tables, cancellationToken).ConfigureAwait(false);
        await SwitchoverSession.ExecuteAsync(connection, $"UPDATE {Run} SET run_id = '{run}'", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Fails when a table is not tracked any more.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PreflightFailed"/>: with the tables.</exception>
    internal static async Task VerifyAsync(NpgsqlConnection connection, IReadOnlyList<SwitchoverTable> tables, CancellationToken cancellationToken)
    {
        var missing = await MissingAsync(connection, tables, cancellationToken).ConfigureAwait(false);
        if (missing.Count > 0)
        {
            throw new PgClusterException(
                Reason.PreflightFailed,
                $"Changes of {string.Join(", ", missing.Select(t => t.Name))} on {SwitchoverSession.Where(connection)} may not have been kept: "
                + $"the triggers {RowTrigger} were dropped or disabled. The copy has to start over.");
        }
    }

    /// <summary>Forgets what was logged until now.</summary>
    internal async Task ClearAsync(CancellationToken cancellationToken)
    {
        var connection = await _database.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = connection.ConfigureAwait(false);
        await SwitchoverSession.ExecuteAsync(connection, $"DELETE FROM {Log}", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Removes whatever any run has made here; does nothing when there is nothing.</summary>
    internal async Task RemoveAsync(CancellationToken cancellationToken)
    {
        var connection = await _database.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = connection.ConfigureAwait(false);
        await RemoveAsync(connection, cancellationToken).ConfigureAwait(false);
        await DropSchemaAsync(connection, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Drops our schema when nothing is left in it. DROP … RESTRICT is no way to find out: it locks whatever is in the schema, which writers use.
    /// </summary>
    internal static async Task DropSchemaAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var empty = await SwitchoverSession.ScalarAsync<bool>(
            connection,
            $"""
            SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = '{CatalogReader.OwnSchema}')
              AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_namespace n ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
                WHERE n.nspname = '{CatalogReader.OwnSchema}')
            """,
            cancellationToken).ConfigureAwait(false);
        if (empty)
        {
            await SwitchoverSession.ExecuteAsync(connection, $"DROP SCHEMA IF EXISTS {CatalogReader.OwnSchema}", cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<Guid?> OwnerAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            return (await SwitchoverSession.QueryAsync(connection, $"SELECT run_id FROM {Run}", row => row.GetGuid(0), cancellationToken).ConfigureAwait(false))
                .Select(r => (Guid?)r).FirstOrDefault();
        }
        catch (PostgresException e) when (e.SqlState is UndefinedTable or InvalidSchemaName)
        {
            return null;
        }
    }

    private static async Task<List<SwitchoverTable>> MissingAsync(
        NpgsqlConnection connection, IReadOnlyList<SwitchoverTable> tables, CancellationToken cancellationToken)
    {
        var present = (await SwitchoverSession.QueryAsync(connection, Present, row => row.GetFieldValue<uint>(0), cancellationToken).ConfigureAwait(false))
            .ToHashSet();
        return [.. tables.Where(t => !present.Contains(t.Oid))];
    }

    private static Task<List<TableName>> TrackedAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        SwitchoverSession.QueryAsync(connection, Tracked, row => new TableName(row.GetString(0), row.GetString(1)), cancellationToken);

    private static string[] Drop(TableName table) =>
        [$"DROP TRIGGER IF EXISTS {RowTrigger} ON {table.Sql}", $"DROP TRIGGER IF EXISTS {TruncateTrigger} ON {table.Sql}"];

    private static string[] Install(SwitchoverTable table)
    {
        var oid = table.Oid.ToString(CultureInfo.InvariantCulture);
        var function = $"{CatalogReader.OwnSchema}.log_{oid}";
        var columns = table.Columns.Where(c => table.Key.Contains(c.Name)).ToDictionary(c => c.Name);
        string Key(string row) => $"ARRAY[{string.Join(", ", table.Key.Select(k => $"{row}.{TableName.Quote(k)}::text"))}]";
        var plain = columns.Values.All(c => Array.Exists(_plainTypes, t => c.Type == t || c.Type.StartsWith(t + "(", StringComparison.Ordinal)));
        var settings = plain
            ? ""
            : " SET datestyle = 'ISO, YMD' SET intervalstyle = 'iso_8601' SET timezone = 'UTC'"
                + " SET extra_float_digits = 3 SET bytea_output = 'hex' SET lc_monetary = 'C'";

        // It runs as our role, for writers who may not touch our table; its search_path leaves them nothing to put in the place of what it calls.
        var body = $"""
            BEGIN
              IF TG_OP = 'TRUNCATE' THEN
                INSERT INTO {Log} (tbl) VALUES ({oid});
              ELSIF TG_OP = 'DELETE' THEN
                INSERT INTO {Log} (tbl, key) VALUES ({oid}, {Key("OLD")});
              ELSE
                INSERT INTO {Log} (tbl, key) VALUES ({oid}, {Key("NEW")});
                IF TG_OP = 'UPDATE' AND {Key("OLD")} <> {Key("NEW")} THEN
                  INSERT INTO {Log} (tbl, key) VALUES ({oid}, {Key("OLD")});
                END IF;
              END IF;
              RETURN NULL;
            END
            """;
        var condition = $"WHEN (pg_catalog.current_setting('{SwitchoverSession.ApplyingSetting}', true) IS DISTINCT FROM 'on')";
        return
        [
            $"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp{settings} "
                + $"AS {TableName.Literal(body)}",
            $"CREATE TRIGGER {RowTrigger} AFTER INSERT OR UPDATE OR DELETE ON {table.Name.Sql} FOR EACH ROW {condition} EXECUTE FUNCTION {function}()",
            $"CREATE TRIGGER {TruncateTrigger} AFTER TRUNCATE ON {table.Name.Sql} FOR EACH STATEMENT {condition} EXECUTE FUNCTION {function}()",
            $"ALTER TABLE {table.Name.Sql} ENABLE ALWAYS TRIGGER {RowTrigger}, ENABLE ALWAYS TRIGGER {TruncateTrigger}",
        ];
    }

    private async Task RemoveAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        foreach (var table in await TrackedAsync(connection, cancellationToken).ConfigureAwait(false))
        {
            await LockedAsync(connection, table, Drop(table), cancellationToken).ConfigureAwait(false);
        }

        var functions = await SwitchoverSession.QueryAsync(
            connection,
            """
            SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname = 'pgcluster_switchover' AND p.proname ~ '^log_[0-9]+$'
            """,
            row => row.GetString(0), cancellationToken).ConfigureAwait(false);

        // The run's name last: as long as it is there, somebody knows that there is something to remove.
        await SwitchoverSession.ExecuteAsync(
            connection,
            [.. functions.Select(f => $"DROP FUNCTION IF EXISTS {f}"), $"DROP TABLE IF EXISTS {Log}", $"DROP TABLE IF EXISTS {Run}"],
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs statements in a transaction that locks a table, again and again until the lock is to be had without waiting long.</summary>
    private async Task LockedAsync(NpgsqlConnection connection, TableName table, string[] statements, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await SwitchoverSession.ExecuteAsync(
                    connection,
                    ["BEGIN", LockTimeout, "SET LOCAL statement_timeout = 0",
                        $"LOCK TABLE ONLY {table.Sql} IN SHARE ROW EXCLUSIVE MODE", .. statements, "COMMIT"],
                    cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (PostgresException e) when (e.SqlState is LockNotAvailable or DeadlockDetected)
            {
                await SwitchoverSession.ExecuteAsync(connection, "ROLLBACK", cancellationToken).ConfigureAwait(false);
            }
            catch (PostgresException e) when (e.SqlState is UndefinedTable or UndefinedObject)
            {
                // Dropped meanwhile, and its triggers with it. One that has to be tracked is found missing later.
                await SwitchoverSession.ExecuteAsync(connection, "ROLLBACK", cancellationToken).ConfigureAwait(false);
                return;
            }

            var sessions = await SwitchoverSession.QueryAsync(
                connection, Blockers.Replace("{0}", $"to_regclass({TableName.Literal(table.Sql)})", StringComparison.Ordinal), row => row.GetString(0),
                cancellationToken).ConfigureAwait(false);
            SwitchoverDataLog.LockBusy(_logger, table.ToString(), sessions.FirstOrDefault() ?? "");
            await Task.Delay(_retryAfter, _time, cancellationToken).ConfigureAwait(false);
        }
    }
}
