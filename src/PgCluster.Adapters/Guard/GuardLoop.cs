using System.Globalization;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;

namespace PgCluster.Adapters.Guard;

/// <summary>
/// The guard: kills every process of a data directory once the deadline has passed that the agent keeps pushing back. It needs nothing of the agent, so a frozen or
/// dead one stops it as little as a lost network does.
/// </summary>
public static class GuardLoop
{
    // Bounds how late a deadline is seen that was brought forward, and how soon the guard of a data directory that was removed ends.
    private static readonly TimeSpan LongestSleep = TimeSpan.FromMilliseconds(200);

    /// <summary>Runs until its data directory is gone, or another guard has taken its place.</summary>
    /// <param name="dataDirectory">The data directory.</param>
    /// <param name="log">Where it says what it did.</param>
    /// <param name="time">The clock of its sleeps.</param>
    public static async Task RunAsync(string dataDirectory, TextWriter log, TimeProvider time)
    {
        using var file = GuardFile.Open(GuardFile.PathOf(dataDirectory));
        var self = ProcessIdentity.Find(Environment.ProcessId)!.Value;
        if (file.Guard is { IsRunning: true } other && other != self)
        {
            return;
        }

        using var watchdog = new WatchdogKeeper(new LinuxWatchdog(), log);
        file.Guard = self;
        while (file.Guard == self && Directory.Exists(dataDirectory))
        {
            watchdog.Turn(file, BootClock.NowNanoseconds);
            var deadline = file.Deadline;
            var left = TimeSpan.FromTicks((deadline - BootClock.NowNanoseconds) / 100);
            if (deadline > 0 && left <= TimeSpan.Zero)
            {
                await KillAsync(dataDirectory, log, time).ConfigureAwait(false);
                if (file.Deadline == deadline)
                {
                    file.Deadline = 0;
                }

                continue;
            }

            await Task.Delay(deadline > 0 && left < LongestSleep ? left + TimeSpan.FromMilliseconds(1) : LongestSleep, time).ConfigureAwait(false);
        }
    }

    private static async Task KillAsync(string dataDirectory, TextWriter log, TimeProvider time)
    {
        // Nothing to say where the agent's own stop came first.
        var ran = DataDirectoryProcesses.FindAll(dataDirectory).Count > 0;
        await DataDirectoryProcesses.KillAllAsync(dataDirectory, time, CancellationToken.None).ConfigureAwait(false);
        if (ran)
        {
            await log.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"{time.GetUtcNow():O} pgcluster guard: killed PostgreSQL in {dataDirectory}: its agent has not renewed the leader's lease in time")).ConfigureAwait(false);
            await log.FlushAsync().ConfigureAwait(false);
        }
    }
}
