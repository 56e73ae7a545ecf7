using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>Connections to one database whose transactions all see the same moment: REPEATABLE READ with one exported snapshot, read only.</summary>
public sealed class SnapshotGroup : IAsyncDisposable
{
    private SnapshotGroup(IReadOnlyList<NpgsqlConnection> connections) => Connections = connections;

    /// <summary>The connections, each in its transaction.</summary>
    public IReadOnlyList<NpgsqlConnection> Connections { get; }

    /// <summary>Opens it.</summary>
    /// <param name="database">Where.</param>
    /// <param name="count">How many connections; 1 at least.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<SnapshotGroup> OpenAsync(NpgsqlDataSource database, int count, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var connections = new List<NpgsqlConnection>();
        string? snapshot = null;
        try
        {
            for (var i = 0; i < count; i++)
            {
                connections.Add(await database.OpenConnectionAsync(cancellationToken).ConfigureAwait(false));
                await Sql.ExecuteAsync(
                    connections[i], "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0",
                    cancellationToken).ConfigureAwait(false);
                if (i == 0)
                {
                    snapshot = await Sql.ScalarAsync(connections[0], "SELECT pg_export_snapshot()", cancellationToken).ConfigureAwait(false);
                }
                else
                {
                    await Sql.ExecuteAsync(
                        connections[i], $"SET TRANSACTION SNAPSHOT {TableName.Literal(snapshot!)}", cancellationToken).ConfigureAwait(false);
                }
            }

            return new SnapshotGroup(connections);
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
