using System.Collections.Concurrent;
using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// Compares two databases, each at one moment: row counts, and a sum over hashes of rows that does not ask for their order. Rows are hashed as text, with
/// everything pinned that text depends on, so that PostgreSQL 12 to 18 agree.
/// </summary>
public static class CopyVerifier
{
    private const int SampledOneIn = 100;

    // Names of objects are printed with their schema when none is on the path.
    private const string Pins = """
        SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; SET LOCAL TimeZone = 'UTC'; SET LOCAL extra_float_digits = 3;
        SET LOCAL bytea_output = 'hex'; SET LOCAL lc_monetary = 'C'; SET LOCAL xmlbinary = 'base64'; SET LOCAL search_path = pg_catalog;
        SET LOCAL quote_all_identifiers = off; SET LOCAL statement_timeout = 0; SET LOCAL jit = off
        """;

    /// <summary>Compares. The pins stay on the transactions of the connections until they end.</summary>
    /// <param name="source">Connections in transactions with one snapshot: <see cref="SnapshotGroup"/>.</param>
    /// <param name="target">The same of the other side. As many tables at once as the smaller number.</param>
    /// <param name="tables">Tables of the source's catalog; they are on both sides.</param>
    /// <param name="mode">How much.</param>
    /// <param name="time">Measures.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.PostgresUnavailable"/>: one side could not be read to the end.</exception>
    public static async Task<CopyVerification> CompareAsync(
        IReadOnlyList<NpgsqlConnection> source, IReadOnlyList<NpgsqlConnection> target, IReadOnlyList<SwitchoverTable> tables, SwitchoverVerify mode,
        TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(tables);
        ArgumentNullException.ThrowIfNull(time);
        var began = time.GetTimestamp();
        if (mode == SwitchoverVerify.None)
        {
            return new CopyVerification(mode, 0, 0, 0, 0, []);
        }

        // The largest first, or the last one would keep a single worker busy at the end.
        var open = new ConcurrentQueue<SwitchoverTable>(tables.OrderByDescending(t => t.Bytes));
        var found = new ConcurrentBag<(SwitchoverTable Table, Digest Source, Digest Target)>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await SwitchoverErrors.GuardAsync("the copy could not be compared", () => Task.WhenAll(source.Zip(target, WorkAsync))).ConfigureAwait(false);

        var differences = new List<CopyDifference>();
        foreach (var (table, ours, theirs) in found.OrderBy(f => f.Table.Name.ToString(), StringComparer.Ordinal))
        {
            Add(table.Name, "rows", ours.Rows, theirs.Rows);
            Add(table.Name, "checksum", ours.Sum, theirs.Sum);
        }

        return new CopyVerification(
            mode, found.Count, found.Sum(f => f.Source.Rows), found.Sum(f => f.Source.Compared), time.GetElapsedTime(began).TotalSeconds, differences);

        void Add<T>(TableName table, string what, T ours, T theirs)
            where T : IEquatable<T>
        {
            if (!ours.Equals(theirs))
            {
                differences.Add(new CopyDifference(table, what, $"{ours}", $"{theirs}"));
            }
        }

        async Task<bool> WorkAsync(NpgsqlConnection one, NpgsqlConnection other)
        {
            try
            {
                await Task.WhenAll(PinAsync(one, stop.Token), PinAsync(other, stop.Token)).ConfigureAwait(false);
                while (open.TryDequeue(out var table))
                {
                    var sql = Statement(table, mode);
                    var both = await Task.WhenAll(DigestAsync(one, sql, stop.Token), DigestAsync(other, sql, stop.Token)).ConfigureAwait(false);
                    found.Add((table, both[0], both[1]));
                }

                return true;
            }
            catch
            {
                // The other workers have nothing left to prove.
                await stop.CancelAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    /// <summary>Counts and sums a table. Without a key there is nothing to choose a sample by that both sides share, so all rows count.</summary>
    internal static string Statement(SwitchoverTable table, SwitchoverVerify mode)
    {
        var row = Hash(table.CopiedColumns.Select(c => c.Name));
        var chosen = mode == SwitchoverVerify.Sample && table.Key.Count > 0 ? $"{Hash(table.Key)} % {SampledOneIn} = 0" : "true";
        return $"SELECT count(*), count(*) FILTER (WHERE {chosen}), coalesce(sum({row}) FILTER (WHERE {chosen}), 0)::text FROM ONLY {table.Name.Sql} AS r";
    }

    private static string Hash(IEnumerable<string> columns) =>
        $"hashtextextended(ROW({string.Join(", ", columns.Select(c => "r." + TableName.Quote(c)))})::text COLLATE \"C\", 0)";

    private static async Task PinAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(Pins, connection);
        await using var commandGuard = command.ConfigureAwait(false);
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    private static async Task<Digest> DigestAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        List<Digest> found = [];
        await SwitchoverSession.LetGoAsync(
            connection,
            async () => found = await SwitchoverSession.QueryAsync(
                connection, sql, row => new Digest(row.GetInt64(0), row.GetInt64(1), row.GetString(2)), cancellationToken).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);
        return found[0];
    }

    private readonly record struct Digest(long Rows, long Compared, string Sum);
}
