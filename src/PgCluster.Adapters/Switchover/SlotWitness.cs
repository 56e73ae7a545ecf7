using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// Makes what a new logical slot decodes first right. A slot is created by waiting, twice, for the transactions of the server; whenever decoding starts again
/// before the subscriber has confirmed anything, that wait is gone through again in the WAL, and by then PostgreSQL ignores changes of the catalog that were
/// made between the two waits. A table truncated there is not found any more («could not map filenode … to relation OID»), and the slot is of no use.
/// <para>
/// A slot that was there before has seen everything, and writes down what it knows wherever the other's decoding may begin: decoding starts from that.
/// </para>
/// </summary>
internal sealed class SlotWitness : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;
    private readonly string _name;

    private SlotWitness(NpgsqlConnection connection, string name)
    {
        _connection = connection;
        _name = name;
    }

    /// <summary>Waits, as every new slot does, for the transactions of the server to end.</summary>
    /// <param name="server">Any database of the server, with the right to replicate.</param>
    /// <param name="slot">The slot that is to be made; the witness, which is temporary, has its name and a suffix.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal static async Task<SlotWitness> CallAsync(NpgsqlDataSource server, string slot, CancellationToken cancellationToken)
    {
        var connection = await server.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        var witness = new SlotWitness(connection, TableName.Literal(slot + "_witness"));
        try
        {
            await Sql.ScalarAsync(
                connection, $"SELECT pg_create_logical_replication_slot({witness._name}, 'pgoutput', true)::text", cancellationToken).ConfigureAwait(false);
            return witness;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Writes down what a slot made since then has to know. Nothing may have been decoded from it yet.</summary>
    internal Task TestifyAsync(string slot, CancellationToken cancellationToken) => Sql.ScalarAsync(
        _connection,
        $"""
        SELECT pg_replication_slot_advance({_name}, confirmed_flush_lsn)::text FROM pg_replication_slots WHERE slot_name = {TableName.Literal(slot)}
        """,
        cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // The session goes back to a pool, and a temporary slot lives as long as its session.
        try
        {
            await Sql.ExecuteAsync(_connection, $"SELECT pg_drop_replication_slot({_name})", CancellationToken.None).ConfigureAwait(false);
        }
        catch (NpgsqlException)
        {
            // The session has ended, and the slot with it.
        }

        await _connection.DisposeAsync().ConfigureAwait(false);
    }
}
