using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>Connections to one database whose transactions all see the same moment: REPEATABLE READ with one exported snapshot, read only.</summary>
public sealed class SnapshotGroup : IAsyncDisposable
{
    private SnapshotGroup(IReadOnlyList<NpgsqlConnection> connections, string snapshot)
    {
        Connections = connections;
        Snapshot = snapshot;
    }

    /// <summary>The connections, each in its transaction.</summary>
    public IReadOnlyList<NpgsqlConnection> Connections { get; }

    /// <summary>Name of the snapshot; good as long as the group is open.</summary>
    public string Snapshot { get; }

    /// <summary>Opens it.</summary>
    /// <param name="database">Where.</param>
    /// <param name="count">How many connections; 1 at least.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<SnapshotGroup> OpenAsync(NpgsqlDataSource database, int count, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var connections = new List<NpgsqlConnection>();
        try
        {
            var snapshot = "";
            for (var i = 0; i < count; i++)
            {
                var connection = await database.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
                connections.Add(connection);
                var command = new NpgsqlCommand("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", connection);
                await using var commandGuard = command.ConfigureAwait(false);
                await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
                command.CommandText = i == 0 ? "SELECT pg_export_snapshot()" : $"SET TRANSACTION SNAPSHOT {TableName.Literal(snapshot)}";
                if (await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is string name)
                {
                    snapshot = name;
                }
            }

            return new SnapshotGroup(connections, snapshot);
        }
        catch
        {
            await CloseAsync(connections).ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await CloseAsync(Connections).ConfigureAwait(false);

    private static async Task CloseAsync(IEnumerable<NpgsqlConnection> connections)
    {
        foreach (var connection in connections)
        {
            // The driver rolls back what is open before the connection goes back to its pool.
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }
}
