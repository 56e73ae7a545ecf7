using System.Globalization;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>What one transaction copies: a table, or the rows in a range of its pages.</summary>
/// <param name="Table">The table, as the source has it.</param>
/// <param name="Index">Which part, from 0.</param>
/// <param name="Count">Parts of the table.</param>
/// <param name="FirstPage">First page of its range.</param>
/// <param name="EndPage">Page behind its range; null for the last part, which takes pages that were added since as well.</param>
/// <param name="Weight">Its share of the table's bytes.</param>
internal sealed record CopyPart(SwitchoverTable Table, int Index, int Count, long FirstPage, long? EndPage, long Weight)
{
    /// <summary>64 MiB of 8 KiB pages: small enough to share a table among workers, large enough that a transaction for each costs nothing.</summary>
    internal const long PagesPerPart = 8192;

    // A very large table is not worth more transactions than this.
    private const int MaxParts = 256;

    /// <summary>The condition of its rows; empty when it is the whole table.</summary>
    internal string Where => Count == 1
        ? ""
        : EndPage is { } end
            ? string.Create(CultureInfo.InvariantCulture, $" WHERE ctid >= '({FirstPage},0)'::tid AND ctid < '({end},0)'::tid")
            : string.Create(CultureInfo.InvariantCulture, $" WHERE ctid >= '({FirstPage},0)'::tid");

    /// <summary>Divides tables, the largest first: what is started last must not be what takes longest.</summary>
    /// <param name="tables">Tables to copy.</param>
    /// <param name="split">Whether the source can read a range of pages without reading the table (PostgreSQL 14).</param>
    internal static IReadOnlyList<CopyPart> Plan(IEnumerable<SwitchoverTable> tables, bool split) =>
        [.. tables.OrderByDescending(t => t.Bytes).SelectMany(t => Divide(t, split))];

    private static IEnumerable<CopyPart> Divide(SwitchoverTable table, bool split)
    {
        var pages = Math.Max(PagesPerPart, (table.Pages + MaxParts - 1) / MaxParts);
        var count = split ? (int)Math.Max(1, (table.Pages + pages - 1) / pages) : 1;
        for (var i = 0; i < count; i++)
        {
            yield return new CopyPart(table, i, count, i * pages, i == count - 1 ? null : (i + 1) * pages, table.Bytes / count);
        }
    }
}
