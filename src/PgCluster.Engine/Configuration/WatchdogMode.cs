namespace PgCluster.Engine.Configuration;

/// <summary>Whether a hardware watchdog resets the machine of a leader that nothing else can stop in time.</summary>
public enum WatchdogMode
{
    /// <summary>No device is touched.</summary>
    Off = 0,

    /// <summary>The device is used where it can be.</summary>
    Automatic,

    /// <summary>A node whose device cannot be used does not lead.</summary>
    Required,
}
