using System.Globalization;

namespace PgCluster.Engine.Configuration;

/// <summary>
/// Sizes in bytes: a number, or a number with B, KiB, MiB, GiB or TiB. MB is refused: PostgreSQL means 1048576 by it and everybody else
/// 1000000.
/// </summary>
public static class SizeText
{
    static readonly (string Unit, int Shift)[] Units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0), ("", 0)];

    /// <summary>Reads a size in bytes; null when the text is none or does not fit in 64 bits.</summary>
    /// <param name="text">For example 16MiB or 1048576.</param>
    public static long? TryParse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var (unit, shift) = Units.First(entry => text.EndsWith(entry.Unit, StringComparison.Ordinal));
        var number = text.AsSpan(0, text.Length - unit.Length).TrimEnd(' ');
        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count <= long.MaxValue >> shift
            ? count << shift
            : null;
    }

    /// <summary>Writes a size in the largest unit that says it exactly.</summary>
    /// <param name="bytes">Zero or more.</param>
    public static string Format(long bytes)
    {
        var (unit, shift) = bytes == 0 ? ("B", 0) : Units.First(entry => bytes % (1L << entry.Shift) == 0);
        return (bytes >> shift).ToString(CultureInfo.InvariantCulture) + unit;
    }
}
