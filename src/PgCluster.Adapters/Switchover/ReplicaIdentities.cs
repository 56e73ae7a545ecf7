using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// Gives tables that have none a replica identity for as long as they are published: without one PostgreSQL refuses the application's updates and
/// deletes. What was before is kept in the database itself, so that another process can put it back.
/// </summary>
internal static class ReplicaIdentities
{
    private const string Memory = "pgcluster_switchover.replica_identity";

    // Each takes its table's strongest lock for a moment; a long queue behind it would be a stop of its own.
    private const string LockTimeout = "SET LOCAL lock_timeout = '500ms'";

    private const int Attempts = 60;

    /// <summary>Sets what is missing; returns how many tables are published by their whole rows.</summary>
    internal static async Task<int> EnsureAsync(
        NpgsqlDataSource side, IReadOnlyList<SwitchoverTable> tables, TimeProvider time, CancellationToken cancellationToken)
    {
        await Sql.ExecuteAsync(
            side, $"CREATE TABLE IF NOT EXISTS {Memory} (relation text PRIMARY KEY, was text NOT NULL)", cancellationToken).ConfigureAwait(false);
        var whole = 0;
        foreach (var table in tables)
        {
            var keyless = table.Key.Count == 0;
            whole += keyless ? 1 : 0;
            var wanted = keyless ? 'f' : table.ReplicaIdentity == 'n' ? 'd' : table.ReplicaIdentity;
            if (wanted != table.ReplicaIdentity)
            {
                await ChangeAsync(
                    side,
                    $"INSERT INTO {Memory} VALUES ({TableName.Literal(table.Name.Sql)}, '{table.ReplicaIdentity}') ON CONFLICT DO NOTHING; "
                        + $"ALTER TABLE {table.Name.Sql} REPLICA IDENTITY {(wanted == 'f' ? "FULL" : "DEFAULT")}",
                    table.Name.ToString(), time, cancellationToken).ConfigureAwait(false);
            }
        }

        return whole;
    }

    /// <summary>Puts back what <see cref="EnsureAsync"/> changed.</summary>
    internal static async Task RestoreAsync(NpgsqlDataSource side, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await Sql.ScalarAsync(side, $"SELECT to_regclass('{Memory}')::text", cancellationToken).ConfigureAwait(false) is null)
        {
            return;
        }

        foreach (var relation in await Sql.ListAsync(side, $"SELECT relation FROM {Memory} WHERE to_regclass(relation) IS NOT NULL", cancellationToken).ConfigureAwait(false))
        {
            var was = await Sql.ScalarAsync(side, $"SELECT was FROM {Memory} WHERE relation = {TableName.Literal(relation)}", cancellationToken).ConfigureAwait(false);
            await ChangeAsync(
                side,
                $"ALTER TABLE {relation} REPLICA IDENTITY {(was == "n" ? "NOTHING" : "DEFAULT")}; DELETE FROM {Memory} WHERE relation = {TableName.Literal(relation)}",
                relation, time, cancellationToken).ConfigureAwait(false);
        }

        await Sql.ExecuteAsync(side, $"DROP TABLE {Memory}", cancellationToken).ConfigureAwait(false);
    }

    private static async Task ChangeAsync(NpgsqlDataSource side, string sql, string table, TimeProvider time, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await Sql.ExecuteAsync(side, $"BEGIN; {LockTimeout}; {sql}; COMMIT", cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable && attempt < Attempts)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500), time, cancellationToken).ConfigureAwait(false);
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
            {
                throw new PgClusterException(Reason.StepTimeout, $"the replica identity of {table} could not be set: a transaction holds on to the table", e) { Target = table };
            }
        }
    }
}
