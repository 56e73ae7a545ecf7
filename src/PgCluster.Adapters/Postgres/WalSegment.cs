using System.Globalization;

namespace PgCluster.Adapters.Postgres;

/// <summary>Names of WAL segments: timeline, and number in two halves.</summary>
internal static class WalSegment
{
    private const int NameLength = 24;

    internal static string Name(int timeline, ulong number, ulong segmentBytes)
    {
        var perHalf = 0x1_0000_0000UL / segmentBytes;
        return string.Create(CultureInfo.InvariantCulture, $"{timeline:X8}{number / perHalf:X8}{number % perHalf:X8}");
    }

    /// <summary>Timeline and number of a segment's file name; null for any other file.</summary>
    internal static (int Timeline, ulong Number)? Parse(string name, ulong segmentBytes)
    {
        return name.Length == NameLength && Part(0) is { } timeline && Part(8) is { } high && Part(16) is { } low
            ? ((int)timeline, (high * (0x1_0000_0000UL / segmentBytes)) + low)
            : null;

        ulong? Part(int at) =>
            uint.TryParse(name.AsSpan(at, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) ? value : null;
    }
}
