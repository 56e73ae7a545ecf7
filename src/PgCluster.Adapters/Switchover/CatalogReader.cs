using System.Globalization;
using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>Reads from a server's catalog what a switchover moves. PostgreSQL 12 and later.</summary>
public static class CatalogReader
{
    /// <summary>Schema of our own objects; never moved.</summary>
    public const string OwnSchema = "pgcluster_switchover";

    // Objects of extensions come with their extension; a table of one holds rows only where pg_extension.extconfig says so.
    private const string Wanted = """
        n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgcluster_switchover') AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp%'
        AND (cardinality(@schemas) = 0 OR n.nspname = ANY (@schemas))
        AND NOT EXISTS (SELECT FROM unnest(@excluded) AS e WHERE n.nspname || '.' || c.relname LIKE e)
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
          AND NOT EXISTS (SELECT FROM pg_extension x WHERE x.oid = d.refobjid AND c.oid = ANY (x.extconfig)))
        """;

    private const string Tables = $"""
        SELECT c.oid, n.nspname, c.relname, c.relreplident, c.relpersistence = 'u', c.relispartition, c.reltuples::bigint,
          pg_table_size(c.oid), pg_relation_size(c.oid) / current_setting('block_size')::bigint,
          coalesce((SELECT array_agg(a.attname::text ORDER BY k.place)
            FROM pg_index i, unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place), pg_attribute a
            WHERE i.indrelid = c.oid AND i.indisvalid AND k.place <= i.indnkeyatts AND a.attrelid = c.oid AND a.attnum = k.attnum
              AND CASE WHEN c.relreplident = 'i' THEN i.indisreplident ELSE i.indisprimary END), '{"{}"}')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {Wanted}
        ORDER BY n.nspname, c.relname
        """;

    // In binary, names of objects (regclass) and arrays and rows of types that are not built in carry oids, which are others in another database.
    private const string Columns = $"""
        SELECT c.oid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated <> '', a.attidentity::text,
          coalesce(pg_get_expr(d.adbin, d.adrelid), ''),
          CASE WHEN a.attcollation <> t.typcollation THEN coalesce((SELECT collname::text FROM pg_collation l WHERE l.oid = a.attcollation), '') ELSE '' END,
          t.typsend <> 0 AND t.typreceive <> 0 AND b.typtype IN ('b', 'e', 'r', 'm') AND b.typelem < 16384
            AND format_type(coalesce(nullif(b.typelem, 0), b.oid), NULL) NOT LIKE 'reg%'
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          JOIN pg_type t ON t.oid = a.atttypid JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
          LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {Wanted}
        ORDER BY c.oid, a.attnum
        """;

    private const string Sequences = $"""
        SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND {Wanted}
        ORDER BY 1, 2
        """;

    /// <summary>Reads it in one consistent look.</summary>
    /// <param name="source">Either database.</param>
    /// <param name="options">What is moved.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<SwitchoverCatalog> ReadAsync(NpgsqlDataSource source, SwitchoverOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var connectionGuard = connection.ConfigureAwait(false);
        var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellationToken).ConfigureAwait(false);
        await using var transactionGuard = transaction.ConfigureAwait(false);

        var columns = new Dictionary<uint, List<SwitchoverColumn>>();
        await foreach (var row in RowsAsync(connection, Columns, options, cancellationToken).ConfigureAwait(false))
        {
            var oid = row.GetFieldValue<uint>(0);
            if (!columns.TryGetValue(oid, out var list))
            {
                columns.Add(oid, list = []);
            }

            list.Add(new SwitchoverColumn(
                row.GetString(1), row.GetString(2), row.GetBoolean(3), row.GetBoolean(4), row.GetString(5),
                row.GetString(6), row.GetString(7), row.GetBoolean(8)));
        }

        var tables = new List<SwitchoverTable>();
        await foreach (var row in RowsAsync(connection, Tables, options, cancellationToken).ConfigureAwait(false))
        {
            var oid = row.GetFieldValue<uint>(0);
            tables.Add(new SwitchoverTable
            {
                Oid = oid,
                Name = new TableName(row.GetString(1), row.GetString(2)),
                ReplicaIdentity = row.GetChar(3),
                Unlogged = row.GetBoolean(4),
                IsPartition = row.GetBoolean(5),
                EstimatedRows = row.GetInt64(6),
                Bytes = row.GetInt64(7),
                Pages = row.GetInt64(8),
                Key = row.GetFieldValue<string[]>(9),
                Columns = columns.TryGetValue(oid, out var list) ? list : [],
            });
        }

        var sequences = new List<TableName>();
        await foreach (var row in RowsAsync(connection, Sequences, options, cancellationToken).ConfigureAwait(false))
        {
            sequences.Add(new TableName(row.GetString(0), row.GetString(1)));
        }

        return new SwitchoverCatalog(tables, sequences);
    }

    private static async IAsyncEnumerable<NpgsqlDataReader> RowsAsync(
        NpgsqlConnection connection, string sql, SwitchoverOptions options,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(sql, connection);
        await using var commandGuard = command.ConfigureAwait(false);
        command.Parameters.AddWithValue("schemas", options.Schemas.ToArray());
        command.Parameters.AddWithValue("excluded", options.ExcludedTables.Select(ToLike).ToArray());
        var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var readerGuard = reader.ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            yield return reader;
        }
    }

    private static string ToLike(string wildcard) => string.Concat(wildcard.Select(c => c switch
    {
        '*' => "%",
        '?' => "_",
        '%' or '_' or '\\' => string.Create(CultureInfo.InvariantCulture, $"\\{c}"),
        _ => c.ToString(),
    }));
}
