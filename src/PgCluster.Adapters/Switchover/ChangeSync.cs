using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// Brings the rows whose keys are in the source's change log to the target: one snapshot of the source, one transaction of the target.
/// Its two sessions stay open, so that a sync while clients wait begins at once.
/// </summary>
/// <remarks>
/// Rows of changed keys are deleted and those that exist in the snapshot inserted. What is left after the deletes equals a part of the source's state, so
/// no unique constraint can be in the way, in whatever order rows had changed. A sync that was applied but whose log was not purged is applied again with the
/// rows of the later snapshot, which comes to the same.
/// </remarks>
internal sealed class ChangeSync : IAsyncDisposable
{
    private const string Changed = $"""
        SELECT tbl, coalesce(max(id) FILTER (WHERE key IS NULL), 0), bool_or(key IS NULL), count(key), count(*) FROM {ChangeTracking.Log} GROUP BY tbl
        """;

    // The dead rows of one large sync would be read by every later one, the last included.
    private const long VacuumFrom = 20_000;

    private readonly NpgsqlConnection _source;
    private readonly NpgsqlConnection _target;
    private readonly Dictionary<uint, SwitchoverTable> _tables;
    private readonly HashSet<uint> _prepared = [];
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    private ChangeSync(NpgsqlConnection source, NpgsqlConnection target, IEnumerable<SwitchoverTable> tables, TimeProvider time, ILogger logger)
    {
        _source = source;
        _target = target;
        _tables = tables.ToDictionary(t => t.Oid);
        _time = time;
        _logger = logger;
    }

    /// <summary>The session on the source.</summary>
    internal NpgsqlConnection Source => _source;

    internal static async Task<ChangeSync> OpenAsync(
        SwitchoverDatabases databases, SwitchoverCatalog catalog, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        var source = await databases.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var target = await databases.Target.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            return new ChangeSync(source, target, catalog.Tables, time, logger);
        }
        catch
        {
            await source.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Applies what the log holds now.</summary>
    /// <param name="fenced">
    /// A session inside of a transaction that keeps writers away: nothing changes from one statement to the next, and the log is emptied when it commits. Null
    /// while the application writes.
    /// </param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Rows of the log that were applied.</returns>
    internal async Task<long> SyncAsync(NpgsqlConnection? fenced, CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        var source = fenced ?? _source;
        await (fenced is null
            ? SwitchoverSession.BeginReadAsync(source, snapshot: null, readOnly: false, cancellationToken)
            : SwitchoverSession.PinAsync(source, cancellationToken)).ConfigureAwait(false);
        var changed = (await SwitchoverSession.QueryAsync(
            source, Changed,
            row => (Oid: row.GetFieldValue<uint>(0), Truncate: row.GetInt64(1), Truncated: row.GetBoolean(2), Keys: row.GetInt64(3), Changes: row.GetInt64(4)),
            cancellationToken).ConfigureAwait(false));
        if (changed.Count == 0)
        {
            await (fenced is null ? SwitchoverSession.ExecuteAsync(source, "ROLLBACK", cancellationToken) : Task.CompletedTask).ConfigureAwait(false);
            return 0;
        }

        await SwitchoverSession.BeginApplyAsync(_target, durable: true, cancellationToken).ConfigureAwait(false);
        var deletes = new List<string>();
        var inserts = new List<string>();

        // A table that was dropped since has no rows to bring.
        var known = changed.Where(c => _tables.ContainsKey(c.Oid)).ToList();
        foreach (var (oid, truncate, _, keys, _) in known.Where(c => c.Keys > 0))
        {
            var table = _tables[oid];
            await PrepareAsync(table, cancellationToken).ConfigureAwait(false);
            await BringAsync(source, table, truncate, cancellationToken).ConfigureAwait(false);
            deletes.Add(
                $"DELETE FROM ONLY {table.Name.Sql} AS t USING {Keys(table)} AS k WHERE "
                + string.Join(" AND ", table.Key.Select(TableName.Quote).Select(k => $"t.{k} = k.{k}")));
            var columns = Columns(table);
            inserts.Add($"INSERT INTO {table.Name.Sql} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {Rows(table)}");
        }

        await TargetTables.TruncateAsync(_target, [.. known.Where(c => c.Truncated).Select(c => _tables[c.Oid].Name)], cancellationToken).ConfigureAwait(false);
        await SwitchoverSession.ExecuteAsync(_target, [.. deletes, .. inserts, "COMMIT"], cancellationToken).ConfigureAwait(false);

        var changes = changed.Sum(c => c.Changes);
        // Deletes exactly what the snapshot shows: ids of transactions that commit later may be lower than those applied.
        var purge = $"DELETE FROM {ChangeTracking.Log}";
        await SwitchoverSession.ExecuteAsync(
            source, fenced is null ? ["SET LOCAL synchronous_commit = off", purge, "COMMIT"] : [purge], cancellationToken).ConfigureAwait(false);
        if (fenced is null && changes >= VacuumFrom)
        {
            await VacuumAsync(cancellationToken).ConfigureAwait(false);
        }

        SwitchoverDataLog.Synced(_logger, changes, changed.Count, _time.GetElapsedTime(began).TotalSeconds);
        return changes;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_prepared.Count > 0)
        {
            try
            {
                // The session goes back to its pool, where temporary tables would live on.
                await SwitchoverSession.ExecuteAsync(_target, ["ROLLBACK"], CancellationToken.None).ConfigureAwait(false);
                await SwitchoverSession.ExecuteAsync(_target, "DISCARD TEMP", CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
            {
                // The connection is gone, and they with it.
            }
        }

        await _source.DisposeAsync().ConfigureAwait(false);
        await _target.DisposeAsync().ConfigureAwait(false);
    }

    private static string Columns(SwitchoverTable table) => string.Join(", ", table.CopiedColumns.Select(c => TableName.Quote(c.Name)));

    private static string Keys(SwitchoverTable table) => string.Create(CultureInfo.InvariantCulture, $"pg_temp.pgcluster_keys_{table.Oid}");

    private static string Rows(SwitchoverTable table) => string.Create(CultureInfo.InvariantCulture, $"pg_temp.pgcluster_rows_{table.Oid}");

    private async Task PrepareAsync(SwitchoverTable table, CancellationToken cancellationToken)
    {
        // Added only when the transaction has ended well: the caller throws this session away otherwise.
        if (!_prepared.Add(table.Oid))
        {
            await SwitchoverSession.ExecuteAsync(_target, $"TRUNCATE {Keys(table)}, {Rows(table)}", cancellationToken).ConfigureAwait(false);
            return;
        }

        var keys = string.Join(", ", table.Key.Select(TableName.Quote));
        await SwitchoverSession.ExecuteAsync(
            _target,
            [
                $"CREATE TEMP TABLE {Keys(table)[8..]} AS SELECT {keys} FROM ONLY {table.Name.Sql} WITH NO DATA",
                $"CREATE TEMP TABLE {Rows(table)[8..]} AS SELECT {Columns(table)} FROM ONLY {table.Name.Sql} WITH NO DATA",
            ],
            cancellationToken).ConfigureAwait(false);
    }

    private async Task BringAsync(NpgsqlConnection source, SwitchoverTable table, long truncate, CancellationToken cancellationToken)
    {
        var columns = table.Columns.ToDictionary(c => c.Name);
        var keys = string.Join(", ", table.Key.Select(TableName.Quote));
        var values = string.Join(", ", table.Key.Select((k, i) => string.Create(CultureInfo.InvariantCulture, $"(key[{i + 1}])::{columns[k].Type}")));
        var log = string.Create(
            CultureInfo.InvariantCulture, $"FROM {ChangeTracking.Log} WHERE tbl = {table.Oid} AND key IS NOT NULL AND id > {truncate}");
        await SwitchoverSession.LetGoAsync(
            source,
            async () =>
            {
                await PipeAsync(
                    source, $"SELECT {values} FROM (SELECT DISTINCT key {log}) AS k", Keys(table), table.Key.All(k => columns[k].Binary), cancellationToken)
                    .ConfigureAwait(false);
                await PipeAsync(
                    source, $"SELECT {Columns(table)} FROM ONLY {table.Name.Sql} WHERE ({keys}) IN (SELECT {values} {log})", Rows(table), table.Binary,
                    cancellationToken).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);
    }

    private Task PipeAsync(NpgsqlConnection source, string query, string into, bool binary, CancellationToken cancellationToken)
    {
        var format = binary ? "binary" : "text";
        return CopyPipe.RunAsync(
            source, $"COPY ({query}) TO STDOUT (FORMAT {format})", _target, $"COPY {into} FROM STDIN (FORMAT {format})", binary, sent: null,
            cancellationToken);
    }

    private async Task VacuumAsync(CancellationToken cancellationToken)
    {
        try
        {
            await SwitchoverSession.ExecuteAsync(_source, $"VACUUM {ChangeTracking.Log}", cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException e)
        {
            SwitchoverDataLog.VacuumFailed(_logger, $"{e.SqlState} {e.MessageText}");
        }
    }
}
