using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>Empties tables, whatever refers to them.</summary>
internal static class TargetTables
{
    private const string ForeignKeyInTheWay = "0A000";

    // A foreign key of a partitioned table stands in the way of its leaves, unless the partitioned table is named as well:
    // it is when all its leaves are to be emptied.
    private const string WholeRoots = """
        WITH RECURSIVE wanted AS (
          SELECT c.oid FROM unnest(@schemas, @names) AS w (s, n)
            JOIN pg_namespace x ON x.nspname = w.s JOIN pg_class c ON c.relnamespace = x.oid AND c.relname = w.n),
        up AS (
          SELECT oid FROM wanted
          UNION
          SELECT i.inhparent FROM up JOIN pg_inherits i ON i.inhrelid = up.oid JOIN pg_class p ON p.oid = i.inhparent AND p.relkind = 'p')
        SELECT n.nspname::text, c.relname::text FROM up JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'p' AND NOT EXISTS (
          SELECT FROM pg_partition_tree(c.oid) l WHERE l.isleaf AND NOT EXISTS (SELECT FROM wanted w WHERE w.oid = l.relid))
        """;

    private const string Referenced = """
        SELECT DISTINCT n.nspname::text, c.relname::text 
        FROM pg_constraint f JOIN pg_class c ON c.oid = f.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE f.contype = 'f' AND f.conrelid <> f.confrelid
        """;

    /// <summary>Empties tables in the current transaction.</summary>
    internal static async Task TruncateAsync(NpgsqlConnection target, IReadOnlyCollection<TableName> tables, CancellationToken cancellationToken)
    {
        if (tables.Count == 0)
        {
            return;
        }

        var roots = await SwitchoverSession.QueryAsync(
            target, WholeRoots, row => new TableName(row.GetString(0), row.GetString(1)), cancellationToken,
            SwitchoverSession.Parameter("schemas", tables.Select(t => t.Schema).ToArray()),
            SwitchoverSession.Parameter("names", tables.Select(t => t.Name).ToArray())).ConfigureAwait(false);
        var list = string.Join(", ", tables.Select(t => $"ONLY {t.Sql}").Concat(roots.Select(t => t.Sql)));
        await SwitchoverSession.ExecuteAsync(target, "SAVEPOINT pgcluster_truncate", cancellationToken).ConfigureAwait(false);
        try
        {
            await SwitchoverSession.ExecuteAsync(target, $"TRUNCATE {list}", cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException e) when (e.SqlState == ForeignKeyInTheWay)
        {
            // A table that is not moved refers to one of these: it keeps its rows, and these lose theirs one by one.
            await SwitchoverSession.ExecuteAsync(
                target,
                ["ROLLBACK TO SAVEPOINT pgcluster_truncate", .. tables.Select(t => $"DELETE FROM ONLY {t.Sql}")],
                cancellationToken).ConfigureAwait(false);
        }

        await SwitchoverSession.ExecuteAsync(target, "RELEASE SAVEPOINT pgcluster_truncate", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Tables that a foreign key of another table refers to: they cannot be truncated alone.</summary>
    internal static async Task<HashSet<TableName>> ReferencedAsync(NpgsqlConnection target, CancellationToken cancellationToken) =>
        [.. await SwitchoverSession.QueryAsync(target, Referenced, row => new TableName(row.GetString(0), row.GetString(1)), cancellationToken)
            .ConfigureAwait(false)];
}
