using System.Globalization;
using System.Runtime.InteropServices;

namespace PgCluster.Adapters.Process;

/// <summary>
/// A process, told apart from any later one with the same number by the moment it started. Signals go to that very process or to nobody.
/// </summary>
/// <param name="Pid">Process id.</param>
/// <param name="StartTicks">When it started, in clock ticks since boot (/proc/PID/stat, field 22).</param>
public readonly record struct ProcessIdentity(int Pid, long StartTicks)
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(20);

    /// <summary>Looks a process up; null when no process has that number or only its zombie is left.</summary>
    public static ProcessIdentity? Find(int pid) =>
        ProcessStat.Read(pid) is { IsZombie: false } stat ? new ProcessIdentity(pid, stat.StartTicks) : null;

    /// <summary>True while it runs; a zombie does not.</summary>
    public bool IsRunning => ProcessStat.Read(Pid) is { IsZombie: false } stat && stat.StartTicks == StartTicks;

    /// <summary>Sends a signal. False when the process is gone, or its number belongs to another one now.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.AccessDenied"/> when it belongs to another user.</exception>
    public bool Signal(UnixSignal signal)
    {
        // The descriptor is taken before the look at the start time, so that the number cannot change hands in between.
        var descriptor = Posix.OpenPidfd(Pid);
        var openError = Marshal.GetLastPInvokeError();
        try
        {
            if (!IsRunning || (descriptor < 0 && openError == Posix.NoSuchProcess))
            {
                return false;
            }

            var result = descriptor >= 0 ? Posix.SignalPidfd(descriptor, (int)signal) : Posix.Kill(Pid, (int)signal);
            if (result == 0)
            {
                return true;
            }

            return Marshal.GetLastPInvokeError() == Posix.NoSuchProcess
                ? false
                : throw new PgClusterException(
                    Reason.AccessDenied,
                    string.Create(CultureInfo.InvariantCulture, $"Cannot signal process {Pid}: {Marshal.GetLastPInvokeErrorMessage()}."));
        }
        finally
        {
            if (descriptor >= 0)
            {
                _ = Posix.Close(descriptor);
            }
        }
    }

    /// <summary>Completes when the process has ended, its zombie included; within a millisecond where the kernel has pidfd_open (5.3).</summary>
    public async Task WaitForExitAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        var descriptor = Posix.OpenPidfd(Pid);
        try
        {
            if (!IsRunning)
            {
                return;
            }

            if (descriptor >= 0)
            {
                // A thread of its own: the wait lasts as long as the process, and the pool's threads are few.
                await Task.Factory.StartNew(
                    () => BlockUntilReadable(descriptor, cancellationToken),
                    CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                return;
            }

            while (IsRunning)
            {
                await Task.Delay(PollInterval, time, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            if (descriptor >= 0)
            {
                _ = Posix.Close(descriptor);
            }
        }
    }

    private static void BlockUntilReadable(int descriptor, CancellationToken cancellationToken)
    {
        var poll = new Posix.PollDescriptor { Descriptor = descriptor, Events = Posix.PollIn };

        // The end of the process wakes poll at once; the 50 ms only bound how late a cancellation is seen.
        while (!cancellationToken.IsCancellationRequested && Posix.Poll(ref poll, 1, 50) <= 0)
        {
        }
    }
}
