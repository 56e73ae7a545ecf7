using System.Globalization;

namespace PgCluster.Adapters.Grpc;

/// <summary>The <c>grpc-timeout</c> header: at most eight digits and a unit.</summary>
internal static class GrpcTimeout
{
    /// <summary>The header's name.</summary>
    internal const string HeaderName = "grpc-timeout";

    private const long MaxValue = 99_999_999;

    // Ticks of 100 ns, exact units first. Nanoseconds are left out: their eight digits hold a tenth of a second, which microseconds hold too.
    private static readonly (long Ticks, char Unit)[] Units =
    [
        (TimeSpan.TicksPerMicrosecond, 'u'),
        (TimeSpan.TicksPerMillisecond, 'm'),
        (TimeSpan.TicksPerSecond, 'S'),
        (TimeSpan.TicksPerMinute, 'M'),
        (TimeSpan.TicksPerHour, 'H'),
    ];

    /// <summary>Writes a timeout in the finest unit that holds it, rounded up so that the server never gives up before the client.</summary>
    internal static string Format(TimeSpan timeout)
    {
        long ticks = Math.Max(timeout.Ticks, 1);
        foreach ((long unitTicks, char unit) in Units)
        {
            long value = ((ticks - 1) / unitTicks) + 1;
            if (value <= MaxValue)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{value}{unit}");
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"{MaxValue}H");
    }

    /// <summary>Reads a timeout; false when the text is not one.</summary>
    internal static bool TryParse(ReadOnlySpan<char> text, out TimeSpan timeout)
    {
        timeout = default;
        if (text.Length is < 2 or > 9 || !int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out int value))
        {
            return false;
        }

        if (text[^1] == 'n')
        {
            timeout = TimeSpan.FromTicks((value + 99L) / 100);
            return true;
        }

        foreach ((long unitTicks, char unit) in Units)
        {
            if (unit == text[^1])
            {
                timeout = TimeSpan.FromTicks(value * unitTicks);
                return true;
            }
        }

        return false;
    }
}
