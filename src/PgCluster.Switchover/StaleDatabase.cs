using Npgsql;
using PgCluster.Adapters.Switchover;

namespace PgCluster.Switchover;

/// <summary>The check for whoever connects without the gate.</summary>
public static class StaleDatabase
{
    internal const string Message = $"refusing to connect to stale database ({SwitchoverObjects.Schema}.state has use_next_db set)";

    /// <summary>Refuses a database that an application was switched away from. One that knows of no switchover is fine.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.StaleDatabase"/>.</exception>
    public static async Task EnsureCurrentAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        var connection = await database.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            var row = await SwitchoverObjects.ReadAsync(connection, cancellationToken).ConfigureAwait(false);
            if (row is { Pointer: SwitchoverPointer.UseNextDb })
            {
                throw new PgClusterException(Reason.StaleDatabase, Message) { Target = connection.Database };
            }
        }
    }
}
