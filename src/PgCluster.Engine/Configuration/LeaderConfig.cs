namespace PgCluster.Engine.Configuration;

/// <summary>The leader's lease: how soon the loss of a node is noticed.</summary>
public sealed record LeaderConfig
{
    /// <summary>Length of the lease: how long after a leader's host is gone somebody else may take over.</summary>
    public TimeSpan Ttl { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>True when a leader that has lost etcd goes on for as long as every other node's agent vouches that it knows no other leader.</summary>
    public bool Failsafe { get; init; }

    /// <summary>Whether a watchdog device resets the machine of a leader that nothing else can stop in time.</summary>
    public WatchdogMode Watchdog { get; init; } = WatchdogMode.Off;

    /// <summary>The watchdog device.</summary>
    public string WatchdogDevice { get; init; } = "/dev/watchdog";
}
