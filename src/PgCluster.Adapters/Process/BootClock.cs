namespace PgCluster.Adapters.Process;

/// <summary>
/// Time since the machine was started, the time it slept included, the same for every process of it: what one process writes as a deadline another can read.
/// Linux's CLOCK_BOOTTIME.
/// </summary>
internal static class BootClock
{
    /// <summary>Nanoseconds since the start.</summary>
    internal static long NowNanoseconds => Posix.BootTimeNanoseconds();
}
