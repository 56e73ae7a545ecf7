using System.Globalization;
using System.Text;
using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>Positions of sequences, is_called included: a sequence that has given out its first value differs from one that is about to.</summary>
internal static class SequenceSync
{
    // Statements stay short enough to be planned quickly, and few enough that a thousand sequences take some milliseconds.
    private const int Batch = 250;

    /// <summary>Sets every sequence of the target to the source's position.</summary>
    /// <param name="source">Reads there.</param>
    /// <param name="target">Writes there, with a right to UPDATE each sequence.</param>
    /// <param name="sequences">Names, the same on both sides.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal static async Task CopyAsync(
        NpgsqlConnection source, NpgsqlConnection target, IReadOnlyList<TableName> sequences, CancellationToken cancellationToken)
    {
        foreach (var batch in sequences.Chunk(Batch))
        {
            var read = new NpgsqlCommand(
                string.Join(" UNION ALL ", batch.Select(s => $"SELECT {TableName.Literal(s.Sql)}, last_value, is_called FROM {s.Sql}")), source);
            await using var readGuard = read.ConfigureAwait(false);
            var write = new StringBuilder("SELECT ");
            var reader = await read.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    write.Append(
                        CultureInfo.InvariantCulture,
                        $"setval({TableName.Literal(reader.GetString(0))}::regclass, {reader.GetInt64(1)}, {(reader.GetBoolean(2) ? "true" : "false")}),");
                }
            }

            write.Length--;
            await Sql.ExecuteAsync(target, write.ToString(), cancellationToken).ConfigureAwait(false);
        }
    }
}
