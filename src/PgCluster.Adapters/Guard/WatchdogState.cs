namespace PgCluster.Adapters.Guard;

/// <summary>What a guard says of its watchdog.</summary>
internal enum WatchdogState : long
{
    /// <summary>It has not looked yet, or is not to use one.</summary>
    None = 0,

    /// <summary>The device can be used.</summary>
    Usable,

    /// <summary>The device cannot be used.</summary>
    Unusable,
}
