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
    internal const string Wanted = """
        n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgcluster_switchover') AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp%'
        AND (cardinality(@schemas) = 0 OR n.nspname = ANY (@schemas))
        AND NOT EXISTS (SELECT FROM unnest(@excluded) AS e WHERE n.nspname || '.' || c.relname LIKE e)
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
          AND NOT EXISTS (SELECT FROM pg_extension x WHERE x.oid = d.refobjid AND c.oid = ANY (x.extconfig)))
        """;

    // Types have no exclusions; those of other schemas are wanted where a table uses them.
    private const string WantedTypes = """
        n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgcluster_switchover') AND n.nspname NOT LIKE 'pg\_temp%'
        AND (cardinality(@schemas) = 0 OR n.nspname = ANY (@schemas) OR EXISTS (
          SELECT FROM pg_attribute a JOIN pg_class u ON u.oid = a.attrelid JOIN pg_namespace un ON un.oid = u.relnamespace
          WHERE a.atttypid IN (t.oid, t.typarray) AND a.attnum > 0 AND NOT a.attisdropped AND u.relkind = 'r' AND un.nspname = ANY (@schemas)))
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
        """;

    private const string Tables = $"""
        SELECT c.oid, n.nspname, c.relname, c.relreplident, c.relpersistence = 'u', c.relispartition, c.reltuples::bigint,
          pg_table_size(c.oid), pg_relation_size(c.oid) / current_setting('block_size')::bigint,
          coalesce((SELECT array_agg(a.attname::text ORDER BY k.place)
            FROM pg_index i, unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place), pg_attribute a
            WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate AND k.place <= i.indnkeyatts AND a.attrelid = c.oid AND a.attnum = k.attnum
              AND CASE WHEN c.relreplident = 'i' THEN i.indisreplident ELSE i.indisprimary END), '{"{}"}'),
          coalesce((SELECT pn.nspname || '.' || p.relname || ' ' || pg_get_expr(c.relpartbound, c.oid)
            FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
            WHERE c.relispartition AND h.inhrelid = c.oid), '')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {Wanted}
        ORDER BY n.nspname, c.relname
        """;

    // What cannot be sent in binary: oids of objects (reg types), and what carries the oid of a type that is another on the other side
    // (composites, and arrays of types that the database has made itself).
    private const string Columns = $"""
        WITH RECURSIVE base (type, base) AS (
          SELECT oid, oid FROM pg_type WHERE typtype <> 'd'
          UNION ALL SELECT t.oid, b.base FROM pg_type t JOIN base b ON b.type = t.typbasetype WHERE t.typtype = 'd')
        SELECT c.oid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated <> '', a.attidentity::text,
          coalesce(pg_get_expr(d.adbin, d.adrelid), ''),
          CASE WHEN a.attcollation <> t.typcollation THEN coalesce((SELECT collname::text FROM pg_collation l WHERE l.oid = a.attcollation), '') ELSE '' END,
          bt.typsend <> 0 AND bt.typreceive <> 0 AND bt.typname NOT LIKE 'reg%'
            AND (bt.typtype IN ('b', 'e') OR (bt.typtype IN ('r', 'm') AND bt.oid < 16384))
            AND (bt.typcategory <> 'A' OR (bt.typelem < 16384 AND bt.typname NOT LIKE '\_reg%'))
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          JOIN pg_type t ON t.oid = a.atttypid JOIN base ON base.type = t.oid JOIN pg_type bt ON bt.oid = base.base
          LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {Wanted}
        ORDER BY c.oid, a.attnum
        """;

    private const string Sequences = $"""
        SELECT n.nspname, c.relname, s.seqmin, s.seqmax, s.seqincrement, s.seqcycle
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
        WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND {Wanted}
        ORDER BY 1, 2
        """;

    private const string Parents = $"""
        SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'p' AND {Wanted} ORDER BY 1, 2
        """;

    // Not only the wanted: a key with one end outside is what a check is about.
    private const string ForeignKeys = """
        SELECT o.conname, n.nspname, c.relname, rn.nspname, r.relname, pg_get_constraintdef(o.oid), o.condeferrable
        FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_class r ON r.oid = o.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace
        WHERE o.contype = 'f' AND o.conparentid = 0
        ORDER BY 2, 3, 1
        """;

    // indnullsnotdistinct is there since 15.
    private const string Uniques = $"""
        SELECT n.nspname, c.relname, x.relname,
          ARRAY (SELECT CASE WHEN k.attnum = 0 THEN pg_get_indexdef(i.indexrelid, k.place::int, true) ELSE a.attname::text END
            FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place) LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
            WHERE k.place <= i.indnkeyatts ORDER BY k.place),
          concat_ws(' ', 'WHERE ' || pg_get_expr(i.indpred, i.indrelid),
            CASE WHEN (to_jsonb(i) ->> 'indnullsnotdistinct')::boolean THEN 'NULLS NOT DISTINCT' END)
        FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE i.indisunique AND i.indisvalid AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND {Wanted}
        ORDER BY 1, 2, 3
        """;

    private const string Checks = $"""
        SELECT n.nspname, c.relname, o.conname, pg_get_constraintdef(o.oid)
        FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE o.contype IN ('c', 'x') AND c.relpersistence <> 't' AND {Wanted}
        UNION ALL
        SELECT n.nspname, t.typname, o.conname, pg_get_constraintdef(o.oid)
        FROM pg_constraint o JOIN pg_type t ON t.oid = o.contypid JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE o.contype = 'c' AND {WantedTypes}
        ORDER BY 1, 2, 3
        """;

    private const string Enums = $"""
        SELECT n.nspname, t.typname, ARRAY (SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE t.typtype = 'e' AND {WantedTypes}
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

        // Types and expressions are printed with a schema unless the role's search_path shows it: two roles would see two texts.
        var pin = new NpgsqlCommand("SET LOCAL search_path = pg_catalog", connection, transaction);
        await using (pin.ConfigureAwait(false))
        {
            await pin.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }

        var columns = new Dictionary<uint, List<SwitchoverColumn>>();
        await foreach (var row in RowsAsync(connection, Columns, options, cancellationToken).ConfigureAwait(false))
        {
            var oid = row.GetFieldValue<uint>(0);
            if (!columns.TryGetValue(oid, out var list))
            {
                columns.Add(oid, list = []);
            }

            list.Add(new SwitchoverColumn(
                row.GetString(1), row.GetString(2), row.GetBoolean(3), row.GetBoolean(4), row.GetString(5), row.GetString(6), row.GetString(7),
                row.GetBoolean(8)));
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
                PartitionBound = row.GetString(10),
                Columns = columns.TryGetValue(oid, out var list) ? list : [],
            });
        }

        var sequences = await ListAsync(
            Sequences, row => new SwitchoverSequence(Name(row), row.GetInt64(2), row.GetInt64(3), row.GetInt64(4), row.GetBoolean(5))).ConfigureAwait(false);
        var parents = await ListAsync(Parents, row => Name(row)).ConfigureAwait(false);
        var moved = tables.Select(t => t.Name).Concat(parents).ToHashSet();
        var foreignKeys = await ListAsync(ForeignKeys, row => new SwitchoverForeignKey(
            row.GetString(0), Name(row, 1), Name(row, 3), row.GetString(5), row.GetBoolean(6))).ConfigureAwait(false);
        return new SwitchoverCatalog(tables, [.. sequences.Select(s => s.Name)])
        {
            SequenceLimits = sequences,
            Parents = parents,
            ForeignKeys = [.. foreignKeys.Where(f => moved.Contains(f.Table) || moved.Contains(f.Referenced))],
            Uniques = await ListAsync(
                Uniques, row => new SwitchoverUnique(Name(row), row.GetString(2), row.GetFieldValue<string[]>(3), row.GetString(4))).ConfigureAwait(false),
            Checks = await ListAsync(Checks, row => new SwitchoverCheck(Name(row), row.GetString(2), row.GetString(3))).ConfigureAwait(false),
            Enums = await ListAsync(Enums, row => new SwitchoverEnum(Name(row), row.GetFieldValue<string[]>(2))).ConfigureAwait(false),
        };

        async Task<List<T>> ListAsync<T>(string sql, Func<NpgsqlDataReader, T> read)
        {
            var list = new List<T>();
            await foreach (var row in RowsAsync(connection, sql, options, cancellationToken).ConfigureAwait(false))
            {
                list.Add(read(row));
            }

            return list;
        }
    }

    /// <summary>Gives a statement the parameters of <see cref="Wanted"/>.</summary>
    internal static void AddParameters(NpgsqlCommand command, SwitchoverOptions options)
    {
        command.Parameters.AddWithValue("schemas", options.Schemas.ToArray());
        command.Parameters.AddWithValue("excluded", options.ExcludedTables.Select(ToLike).ToArray());
    }

    private static TableName Name(NpgsqlDataReader row, int column = 0) => new(row.GetString(column), row.GetString(column + 1));

    private static async IAsyncEnumerable<NpgsqlDataReader> RowsAsync(
        NpgsqlConnection connection, string sql, SwitchoverOptions options,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(sql, connection);
        await using var commandGuard = command.ConfigureAwait(false);
        AddParameters(command, options);
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
