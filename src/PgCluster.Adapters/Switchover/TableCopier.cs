using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// Copies tables from source to target, several at a time, with as little memory whatever their size. What it has done it remembers on the target,
/// in the transaction that brings the rows.
/// </summary>
public sealed class TableCopier
{
    private const string Copied = $"{CatalogReader.OwnSchema}.copied";

    private static readonly TimeSpan _reportEvery = TimeSpan.FromSeconds(1);

    private readonly SwitchoverDatabases _databases;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    /// <summary>Connects to nothing yet.</summary>
    /// <param name="databases">Source and target.</param>
    /// <param name="time">Where time comes from.</param>
    /// <param name="logger">Where parts are logged.</param>
    public TableCopier(SwitchoverDatabases databases, TimeProvider time, ILogger logger)
    {
        _databases = databases;
        _time = time;
        _logger = logger;
    }

    /// <summary>Copies what the request asks for. What was committed when it fails or is cancelled stays.</summary>
    /// <param name="catalog">Tables, as the source has them.</param>
    /// <param name="request">How.</param>
    /// <param name="progress">Is told about once a second, and at the end.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>How far it came: tables that were there already are counted as done.</returns>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.PostgresUnavailable"/>: a server refused or went away; <see cref="Reason.PreflightFailed"/>: the role may not do it.
    /// </exception>
    public Task<SwitchoverProgress> CopyAsync(
        SwitchoverCatalog catalog, TableCopyRequest request, IProgress<SwitchoverProgress> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(progress);
        return SwitchoverSession.GuardAsync("The copy", () => RunAsync(catalog, request, progress, cancellationToken));
    }

    /// <summary>Makes the next copy of a run take these tables again, whatever it remembers of them.</summary>
    internal static async Task ForgetAsync(
        NpgsqlConnection target, Guid run, IReadOnlyCollection<TableName> tables, CancellationToken cancellationToken)
    {
        if (await ExistsAsync(target, cancellationToken).ConfigureAwait(false))
        {
            // The rows stay, with a number of parts that is never reached: they say that the table holds rows of this run and has to be emptied.
            await SwitchoverSession.QueryAsync(
                target,
                $"UPDATE {Copied} AS c SET parts = 0 FROM unnest(@schemas, @names) AS t (s, n) WHERE c.run_id = @run AND c.schema = t.s AND c.name = t.n",
                _ => 0, cancellationToken,
                SwitchoverSession.Parameter("run", run),
                SwitchoverSession.Parameter("schemas", tables.Select(t => t.Schema).ToArray()),
                SwitchoverSession.Parameter("names", tables.Select(t => t.Name).ToArray())).ConfigureAwait(false);
        }
    }

    /// <summary>Drops what copies remember.</summary>
    internal static Task DropMemoryAsync(NpgsqlConnection target, CancellationToken cancellationToken) =>
        SwitchoverSession.ExecuteAsync(target, $"DROP TABLE IF EXISTS {Copied}", cancellationToken);

    /// <summary>Tables of a run that are complete.</summary>
    internal static async Task<IReadOnlySet<TableName>> ReadCompleteAsync(NpgsqlConnection target, Guid run, CancellationToken cancellationToken) =>
        await ExistsAsync(target, cancellationToken).ConfigureAwait(false)
            ? (await ReadKnownAsync(target, run, cancellationToken).ConfigureAwait(false)).Where(t => t.Value).Select(t => t.Key).ToHashSet()
            : [];

    private static async Task<Dictionary<TableName, bool>> ReadKnownAsync(NpgsqlConnection target, Guid run, CancellationToken cancellationToken) =>
        (await SwitchoverSession.QueryAsync(
            target,
            $"SELECT schema, name, count(*) = max(parts) AND min(parts) = max(parts) FROM {Copied} WHERE run_id = @run GROUP BY schema, name",
            row => (Table: new TableName(row.GetString(0), row.GetString(1)), Complete: row.GetBoolean(2)),
            cancellationToken,
            SwitchoverSession.Parameter("run", run)).ConfigureAwait(false)).ToDictionary(t => t.Table, t => t.Complete);

    private static Task<bool> ExistsAsync(NpgsqlConnection target, CancellationToken cancellationToken) =>
        SwitchoverSession.ScalarAsync<bool>(target, $"SELECT to_regclass('{Copied}') IS NOT NULL", cancellationToken);

    private async Task<SwitchoverProgress> RunAsync(
        SwitchoverCatalog catalog, TableCopyRequest request, IProgress<SwitchoverProgress> progress, CancellationToken cancellationToken)
    {
        var source = await _databases.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var sourceGuard = source.ConfigureAwait(false);
        var target = await _databases.Target.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var targetGuard = target.ConfigureAwait(false);

        var truncated = await PrepareAsync(target, catalog, request, cancellationToken).ConfigureAwait(false);
        var missing = catalog.Tables.Where(t => truncated.ContainsKey(t.Name)).ToList();
        var parts = CopyPart.Plan(missing, source.PostgreSqlVersion.Major >= 14);
        var meter = new CopyMeter(catalog.Tables, parts, _time);

        // The snapshot lives as long as the transaction that exported it.
        await SwitchoverSession.BeginReadAsync(source, request.Snapshot, readOnly: true, cancellationToken).ConfigureAwait(false);
        var snapshot = request.Snapshot
            ?? await SwitchoverSession.ScalarAsync<string>(source, "SELECT pg_export_snapshot()", cancellationToken).ConfigureAwait(false);
        var referenced = await TargetTables.ReferencedAsync(target, cancellationToken).ConfigureAwait(false);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var reporting = new CancellationTokenSource();
        var queue = new ConcurrentQueue<CopyPart>(parts);
        var failures = new ConcurrentQueue<Exception>();
        var report = ReportAsync(meter, progress, reporting.Token);
        try
        {
            await Task.WhenAll(Enumerable.Range(0, Math.Min(Math.Clamp(request.Jobs, 1, 64), parts.Count)).Select(_ => WorkAsync(
                queue, failures, snapshot, request.Run, part => part.Count == 1 && !referenced.Contains(part.Table.Name), meter, stop))).ConfigureAwait(false);
        }
        finally
        {
            await reporting.CancelAsync().ConfigureAwait(false);
            await report.ConfigureAwait(false);
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (failures.TryDequeue(out var failure))
        {
            // The first one stopped the other workers: theirs only say that they were stopped.
            ExceptionDispatchInfo.Throw(failure);
        }

        await SwitchoverSession.ExecuteAsync(source, "ROLLBACK", cancellationToken).ConfigureAwait(false);
        await FlushAsync(target, request.Run, cancellationToken).ConfigureAwait(false);
        var end = meter.Read();
        progress.Report(end);
        return end;
    }

    /// <summary>Empties what has to be, forgets what does not hold any more, and says which tables are missing and whether they were emptied.</summary>
    private static async Task<Dictionary<TableName, bool>> PrepareAsync(
        NpgsqlConnection target, SwitchoverCatalog catalog, TableCopyRequest request, CancellationToken cancellationToken)
    {
        await SwitchoverSession.BeginApplyAsync(target, durable: true, cancellationToken).ConfigureAwait(false);
        await SwitchoverSession.ExecuteAsync(
            target,
            [
                $"CREATE SCHEMA IF NOT EXISTS {CatalogReader.OwnSchema}",
                $"""
                CREATE TABLE IF NOT EXISTS {Copied} (
                  run_id uuid NOT NULL, schema text NOT NULL, name text NOT NULL, part integer NOT NULL, parts integer NOT NULL,
                  rows bigint NOT NULL, bytes bigint NOT NULL, PRIMARY KEY (run_id, schema, name, part))
                """,
            ],
            cancellationToken).ConfigureAwait(false);

        var known = await ReadKnownAsync(target, request.Run, cancellationToken).ConfigureAwait(false);
        var missing = catalog.Tables.Select(t => t.Name)
            .Where(t => !(request.KeepCopied && known.TryGetValue(t, out var complete) && complete))
            .ToDictionary(t => t, t => request.Truncate || known.ContainsKey(t));
        await TargetTables.TruncateAsync(target, [.. missing.Where(t => t.Value).Select(t => t.Key)], cancellationToken).ConfigureAwait(false);
        await SwitchoverSession.QueryAsync(
            target,
            $"DELETE FROM {Copied} AS c USING unnest(@schemas, @names) AS t (s, n) WHERE c.run_id = @run AND c.schema = t.s AND c.name = t.n",
            _ => 0, cancellationToken,
            SwitchoverSession.Parameter("run", request.Run),
            SwitchoverSession.Parameter("schemas", missing.Keys.Select(t => t.Schema).ToArray()),
            SwitchoverSession.Parameter("names", missing.Keys.Select(t => t.Name).ToArray())).ConfigureAwait(false);
        await SwitchoverSession.ExecuteAsync(target, "COMMIT", cancellationToken).ConfigureAwait(false);
        return missing;
    }

    /// <summary>The parts' commits did not wait for the disk; this one does, and with it every one before.</summary>
    private static async Task FlushAsync(NpgsqlConnection target, Guid run, CancellationToken cancellationToken)
    {
        await SwitchoverSession.BeginApplyAsync(target, durable: true, cancellationToken).ConfigureAwait(false);
        await SwitchoverSession.QueryAsync(
            target, $"UPDATE {Copied} SET rows = rows WHERE run_id = @run", _ => 0, cancellationToken,
            SwitchoverSession.Parameter("run", run)).ConfigureAwait(false);
        await SwitchoverSession.ExecuteAsync(target, "COMMIT", cancellationToken).ConfigureAwait(false);
    }

    private async Task ReportAsync(CopyMeter meter, IProgress<SwitchoverProgress> progress, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(_reportEvery, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
            {
                progress.Report(meter.Read());
            }
        }
        catch (OperationCanceledException)
        {
            // The copy has ended.
        }
    }

    private async Task WorkAsync(
        ConcurrentQueue<CopyPart> queue, ConcurrentQueue<Exception> failures, string snapshot, Guid run, Func<CopyPart, bool> mayTruncate, CopyMeter meter,
        CancellationTokenSource stop)
    {
        try
        {
            var source = await _databases.Source.OpenConnectionAsync(stop.Token).ConfigureAwait(false);
            await using var sourceGuard = source.ConfigureAwait(false);
            var target = await _databases.Target.OpenConnectionAsync(stop.Token).ConfigureAwait(false);
            await using var targetGuard = target.ConfigureAwait(false);
            await SwitchoverSession.BeginReadAsync(source, snapshot, readOnly: true, stop.Token).ConfigureAwait(false);
            while (queue.TryDequeue(out var part))
            {
                stop.Token.ThrowIfCancellationRequested();
                meter.Started(part);
                await CopyPartAsync(source, target, part, run, mayTruncate(part), meter, stop.Token).ConfigureAwait(false);
            }

            await SwitchoverSession.ExecuteAsync(source, "ROLLBACK", stop.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or IOException or OperationCanceledException or PgClusterException)
        {
            failures.Enqueue(e);
            await stop.CancelAsync().ConfigureAwait(false);
        }
    }

    private async Task CopyPartAsync(
        NpgsqlConnection source, NpgsqlConnection target, CopyPart part, Guid run, bool mayTruncate, CopyMeter meter, CancellationToken cancellationToken)
    {
        var table = part.Table;
        long bytes = 0;
        await SwitchoverSession.BeginApplyAsync(target, durable: false, cancellationToken).ConfigureAwait(false);
        var freeze = mayTruncate && await EmptyAsync(target, table.Name, cancellationToken).ConfigureAwait(false);
        var columns = string.Join(", ", table.CopiedColumns.Select(c => TableName.Quote(c.Name)));

        var list = columns.Length > 0 ? $" ({columns})" : "";
        var format = table.Binary ? "binary" : "text";
        var from = part.Count == 1 ? table.Name.Sql + list : $"(SELECT {columns} FROM ONLY {table.Name.Sql}{part.Where})";

        // The counter may still hold what an earlier transaction of this session inserted.
        var inserted = $"coalesce(pg_stat_get_xact_tuples_inserted({TableName.Literal(table.Name.Sql)}::regclass), 0)";
        var before = await SwitchoverSession.ScalarAsync<long>(target, $"SELECT {inserted}", cancellationToken).ConfigureAwait(false);

        // The lock on a table in parts is kept: a rewrite of it between two of them would move rows from one to the other.
        await (part.Count == 1 ? SwitchoverSession.LetGoAsync(source, PipeAsync, cancellationToken) : PipeAsync()).ConfigureAwait(false);
        var rows = await SwitchoverSession.ScalarAsync<long>(
            target,
            string.Create(
                CultureInfo.InvariantCulture,
                $"""
                INSERT INTO {Copied} SELECT @run, @schema, @name, {part.Index}, {part.Count},
                  {inserted} - {before}, {bytes}
                RETURNING rows
                """),
            cancellationToken,
            SwitchoverSession.Parameter("run", run),
            SwitchoverSession.Parameter("schema", table.Name.Schema),
            SwitchoverSession.Parameter("name", table.Name.Name)).ConfigureAwait(false);
        await SwitchoverSession.ExecuteAsync(target, "COMMIT", cancellationToken).ConfigureAwait(false);
        meter.Finished(part, rows, bytes);
        SwitchoverDataLog.PartCopied(_logger, table.Name.ToString(), part.Index + 1, part.Count, rows, bytes);

        Task PipeAsync() => CopyPipe.RunAsync(
            source, $"COPY {from} TO STDOUT (FORMAT {format})",
            target, $"COPY {table.Name.Sql}{list} FROM STDIN (FORMAT {format}{(freeze ? ", FREEZE" : "")})",
            table.Binary,
            count =>
            {
                bytes += count;
                meter.Sent(count);
            },
            cancellationToken);
    }

    /// <summary>When the table holds nothing, truncates it here: COPY may then write rows as if vacuumed, which saves the target writing them twice.</summary>
    private static async Task<bool> EmptyAsync(NpgsqlConnection target, TableName table, CancellationToken cancellationToken)
    {
        await SwitchoverSession.ExecuteAsync(target, $"LOCK TABLE ONLY {table.Sql} IN ACCESS EXCLUSIVE MODE", cancellationToken).ConfigureAwait(false);
        if (await SwitchoverSession.ScalarAsync<bool>(target, $"SELECT EXISTS (SELECT FROM ONLY {table.Sql})", cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        await SwitchoverSession.ExecuteAsync(target, $"TRUNCATE ONLY {table.Sql}", cancellationToken).ConfigureAwait(false);
        return true;
    }
}
