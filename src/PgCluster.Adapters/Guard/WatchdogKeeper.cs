using System.Globalization;

namespace PgCluster.Adapters.Guard;

/// <summary>
/// The guard's watchdog: fed while a deadline is set, and not so late that it could reset the machine after somebody else may lead:
/// <code>
/// renewal sent                       StopAfter    KillAfter      TimeToLive
///     |---- fed ---->|                   |-- stops ->|- killed -->| reset, if nobody was there to stop or kill
///                    |&lt;------------- the device's timeout ------->|
/// </code>
/// A server that is stopped or killed in time has no deadline any more, and the device is closed before its timeout is over.
/// </summary>
/// <param name="device">The device.</param>
/// <param name="log">Where it says that the device cannot be used.</param>
internal sealed class WatchdogKeeper(IWatchdogDevice device, TextWriter log) : IDisposable
{
    // The shortest that leaves a busy machine the time to feed it.
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);

    private string? _looked;
    private TimeSpan _timeout;
    private bool _isOpen;

    /// <summary>One look: opens, feeds or closes the device, and says in the file whether it can be used.</summary>
    /// <param name="file">What the agent asks for.</param>
    /// <param name="now">By <see cref="Process.BootClock"/>, in nanoseconds.</param>
    public void Turn(GuardFile file, long now)
    {
        var path = file.WatchdogDevice;
        if (path.Length == 0)
        {
            Release();
            (_looked, file.Watchdog) = (null, WatchdogState.None);
            return;
        }

        try
        {
            if (_looked != path)
            {
                // Whether it can be used has to be known before this node leads, not when.
                Release();
                _looked = path;
                Use(file, path);
                Release();
            }

            if (file.Deadline == 0)
            {
                Release();
                return;
            }

            if (!_isOpen && file.Watchdog == WatchdogState.Usable)
            {
                Use(file, path);
            }

            if (_isOpen && now <= file.Deadline + Nanoseconds(file.WatchdogMargin) - Nanoseconds(_timeout))
            {
                device.Feed();
            }
        }
        catch (IOException e)
        {
            _isOpen = false;
            file.Watchdog = WatchdogState.Unusable;
            log.WriteLine($"pgcluster guard: the watchdog cannot be used: {e.Message}");
            log.Flush();
        }
    }

    public void Dispose() => Release();

    private static long Nanoseconds(TimeSpan time) => time.Ticks * 100;

    private void Use(GuardFile file, string path)
    {
        _timeout = device.Open(path, Timeout);
        _isOpen = true;
        if (_timeout > file.WatchdogLimit)
        {
            Release();
            throw new IOException(string.Create(
                CultureInfo.InvariantCulture, $"the shortest timeout of {path} is {_timeout.TotalSeconds} s, more than two thirds of leader.ttl"));
        }

        file.Watchdog = WatchdogState.Usable;
    }

    private void Release()
    {
        if (_isOpen)
        {
            _isOpen = false;
            device.Close();
        }
    }
}
