namespace PgCluster.Adapters.Guard;

/// <summary>A watchdog: from <see cref="Open"/> on it resets the machine unless it is fed in time.</summary>
internal interface IWatchdogDevice
{
    /// <summary>Opens it with the timeout that is nearest to the one asked for, and returns that.</summary>
    /// <param name="path">The device.</param>
    /// <param name="timeout">Whole seconds.</param>
    /// <exception cref="IOException">It cannot be used, and why.</exception>
    TimeSpan Open(string path, TimeSpan timeout);

    /// <summary>Begins the timeout anew.</summary>
    void Feed();

    /// <summary>Stops it, so that it resets nothing.</summary>
    void Close();
}
