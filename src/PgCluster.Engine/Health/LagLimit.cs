using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;

namespace PgCluster.Engine.Health;

/// <summary>How far a standby may be behind: in bytes of WAL, or in time.</summary>
/// <param name="Bytes">Bytes the primary has written and the standby has not replayed; null when the limit is a time.</param>
/// <param name="Time">Age of the last replayed commit while WAL is outstanding; null when the limit is a size.</param>
public sealed record LagLimit(long? Bytes, TimeSpan? Time)
{
    private static readonly (string Unit, int Shift)[] Units =
        [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("kB", 10), ("MB", 20), ("GB", 30), ("TB", 40), ("B", 0), ("", 0)];

    /// <summary>What is accepted, in words.</summary>
    public static string Expected => "a size such as 16MB (B, kB, MB, GB, TB as PostgreSQL means them, 1024 to the next; no unit for bytes) or a duration such as 5s or 500ms";

    /// <summary>Reads a limit; null when the text is none.</summary>
    /// <param name="text">For example 16MB, 1048576, 5s.</param>
    public static LagLimit? TryParse(string text)
    {
        var (unit, shift) = Units.First(u => text.EndsWith(u.Unit, StringComparison.Ordinal));
        if (long.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
        {
            return count <= long.MaxValue >> shift ? new LagLimit(count << shift, null) : null;
        }

        return DurationText.TryParse(text) is { } time && time >= TimeSpan.Zero ? new LagLimit(null, time) : null;
    }

    /// <summary>Whether a standby is known to be within the limit.</summary>
    /// <param name="standby">Its server.</param>
    /// <param name="primary">Where the primary writes; null when unknown: then nothing is within a limit in bytes.</param>
    public bool Holds(PostgresStatus standby, Lsn? primary) =>
        Time is { } time ? standby.ReplayLagSeconds is { } seconds && seconds <= time.TotalSeconds
        : primary is { } written && standby.ReplayLsn is { } replayed && replayed.BytesBehind(written) <= Bytes;
}
