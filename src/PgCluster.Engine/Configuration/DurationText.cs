using System.Buffers;
using System.Globalization;

namespace PgCluster.Engine.Configuration;

/// <summary>Durations as Go writes them: numbers with units, one after the other, such as 500ms, 5s, 1m30s, 1.5h.</summary>
public static class DurationText
{
    static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    static readonly (string Unit, decimal Ticks)[] Units =
    [
        // Two letters before one: "ms" begins like "m".
        ("ns", 1m / TimeSpan.NanosecondsPerTick),
        ("ms", TimeSpan.TicksPerMillisecond),
        ("us", TimeSpan.TicksPerMicrosecond),
        // The micro sign and the Greek letter look alike and are both in use.
        ("\u00B5s", TimeSpan.TicksPerMicrosecond),
        ("\u03BCs", TimeSpan.TicksPerMicrosecond),
        ("h", TimeSpan.TicksPerHour),
        ("m", TimeSpan.TicksPerMinute),
        ("s", TimeSpan.TicksPerSecond),
    ];

    /// <summary>Reads a duration; null when the text is none, is finer than 100 ns, or is longer than a hundred years.</summary>
    /// <param name="text">For example 1m30s. A sign may stand before it; 0 needs no unit.</param>
    public static TimeSpan? TryParse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var rest = text.AsSpan();
        var negative = rest is ['-', ..];
        rest = rest is ['-' or '+', ..] ? rest[1..] : rest;
        if (rest is "0")
        {
            return TimeSpan.Zero;
        }

        var ticks = 0m;
        do
        {
            var digits = rest.IndexOfAnyExcept(NumberCharacters);
            if (digits is < 1 or > 16
                || !decimal.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                return null;
            }

            rest = rest[digits..];
            var unit = UnitOf(rest);
            if (unit.Ticks == 0)
            {
                return null;
            }

            rest = rest[unit.Unit.Length..];
            ticks += number * unit.Ticks;
        }
        while (!rest.IsEmpty);

        const decimal HundredYears = 36_525m * TimeSpan.TicksPerDay;
        return ticks != decimal.Truncate(ticks) || ticks > HundredYears ? null : TimeSpan.FromTicks((long)(negative ? -ticks : ticks));
    }

    /// <summary>Writes a duration in the shortest units that say it exactly.</summary>
    /// <param name="duration">Any duration.</param>
    public static string Format(TimeSpan duration)
    {
        if (duration < TimeSpan.Zero)
        {
            return "-" + Format(duration.Negate());
        }

        return duration.Ticks switch
        {
            0 => "0s",
            < TimeSpan.TicksPerMillisecond => Number(duration.Ticks, TimeSpan.TicksPerMicrosecond) + "us",
            < TimeSpan.TicksPerSecond => Number(duration.Ticks, TimeSpan.TicksPerMillisecond) + "ms",
            _ => Part(duration.Ticks / TimeSpan.TicksPerHour, "h")
                + Part(duration.Ticks / TimeSpan.TicksPerMinute % 60, "m")
                + (duration.Ticks % TimeSpan.TicksPerMinute is > 0 and var seconds ? Number(seconds, TimeSpan.TicksPerSecond) + "s" : ""),
        };
    }

    static (string Unit, decimal Ticks) UnitOf(ReadOnlySpan<char> text)
    {
        foreach (var unit in Units)
        {
            if (text.StartsWith(unit.Unit, StringComparison.Ordinal))
            {
                return unit;
            }
        }

        return default;
    }

    static string Part(long count, string unit) => count == 0 ? "" : count.ToString(CultureInfo.InvariantCulture) + unit;

    static string Number(long ticks, long ticksPerUnit) =>
        ((decimal)ticks / ticksPerUnit).ToString("0.#######", CultureInfo.InvariantCulture);
}
