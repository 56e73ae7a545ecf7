using System.Globalization;

namespace PgCluster.Engine.Rejoin;

/// <summary>The line of timelines that led to a server's own.</summary>
/// <param name="Timeline">The timeline the server is on.</param>
/// <param name="Switches">Its ancestors, oldest first, each with its end.</param>
public sealed record TimelineHistory(int Timeline, IReadOnlyList<TimelineSwitch> Switches)
{
    /// <summary>Name of its file in pg_wal. Timeline 1 has none.</summary>
    public static string FileName(int timeline) => string.Create(CultureInfo.InvariantCulture, $"{timeline:X8}.history");

    /// <summary>Reads a history file: parent timeline, switch position and reason, separated by tabs; lines with # say nothing.</summary>
    /// <exception cref="FormatException">A line is not of that form.</exception>
    public static TimelineHistory Parse(int timeline, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var switches = new List<TimelineSwitch>();
        foreach (var line in text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (line[0] == '#')
            {
                continue;
            }

            var fields = line.Split((char[]?)null, 3, StringSplitOptions.RemoveEmptyEntries);
            switches.Add(
                fields.Length >= 2
                && int.TryParse(fields[0], NumberStyles.None, CultureInfo.InvariantCulture, out var parent)
                && Lsn.TryParse(fields[1], out var lsn)
                    ? new TimelineSwitch(parent, lsn)
                    : throw new FormatException($"'{line}' is not a line of a timeline's history."));
        }

        return new TimelineHistory(timeline, switches);
    }

    /// <summary>The timeline that the byte before <paramref name="end"/> was written on.</summary>
    public int TimelineBefore(Lsn end) => Switches.FirstOrDefault(ended => end <= ended.Lsn)?.Timeline ?? Timeline;

    /// <summary>Where a timeline of this line begins.</summary>
    public Lsn BeginOf(int timeline)
    {
        var begin = Lsn.Zero;
        foreach (var ended in Switches)
        {
            if (ended.Timeline == timeline)
            {
                break;
            }

            begin = ended.Lsn;
        }

        return begin;
    }

    /// <summary>Where this line and another part; null when they have nothing in common.</summary>
    public TimelineFork? ForkFrom(TimelineHistory other)
    {
        ArgumentNullException.ThrowIfNull(other);
        TimelineFork? fork = null;
        for (var i = 0; TimelineAt(i) is { } timeline && timeline == other.TimelineAt(i); i++)
        {
            var (end, otherEnd) = (EndAt(i), other.EndAt(i));
            fork = new TimelineFork(timeline, Earlier(end, otherEnd));
            if (end != otherEnd)
            {
                // The next timelines may have the same number and are still two: each of two servers was promoted without the other.
                break;
            }
        }

        return fork;
    }

    private int? TimelineAt(int index) =>
        index < Switches.Count ? Switches[index].Timeline : index == Switches.Count ? Timeline : null;

    private Lsn? EndAt(int index) => index < Switches.Count ? Switches[index].Lsn : null;

    private static Lsn? Earlier(Lsn? one, Lsn? other) => one is null || other < one ? other ?? one : one;
}
