using System.Globalization;

namespace PgCluster.Adapters.Process;

/// <summary>Whether a process sleeps, and since when: two looks with the same count and both asleep are of one and the same sleep.</summary>
/// <param name="IsAsleep">True when it waits for something that a signal would end.</param>
/// <param name="PendingSignals">Signals that were sent and not yet taken, bit 0 for signal 1.</param>
/// <param name="Switches">How often it gave the processor away.</param>
internal sealed record ProcessSleep(bool IsAsleep, ulong PendingSignals, long Switches)
{
    /// <summary>Reads /proc/PID/status; null when there is no such process.</summary>
    internal static ProcessSleep? Read(int pid)
    {
        try
        {
            return Parse(File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/status")));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    internal static ProcessSleep Parse(string text)
    {
        var (asleep, pending, switches) = (false, 0UL, 0L);
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            var colon = line.IndexOf(':');
            var value = colon < 0 ? default : line[(colon + 1)..].Trim();
            switch (colon < 0 ? default : line[..colon])
            {
                case "State":
                    asleep = value.StartsWith("S");
                    break;
                case "SigPnd" or "ShdPnd":
                    pending |= ulong.Parse(value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                    break;
                case "voluntary_ctxt_switches" or "nonvoluntary_ctxt_switches":
                    switches += long.Parse(value, NumberStyles.None, CultureInfo.InvariantCulture);
                    break;
            }
        }

        return new ProcessSleep(asleep, pending, switches);
    }

    /// <summary>True while a signal waits to be taken.</summary>
    internal bool IsPending(UnixSignal signal) => (PendingSignals & (1UL << ((int)signal - 1))) != 0;
}
