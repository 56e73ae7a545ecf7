namespace PgCluster.Engine.Daemons;

/// <summary>What a daemon can be told.</summary>
public enum DaemonOrderKind
{
    /// <summary>To start the one that follows it, by its own program and arguments.</summary>
    Upgrade = 0,

    /// <summary>To start one that takes over as far as it can without doing it.</summary>
    Rehearse,

    /// <summary>To end as it does at a SIGTERM.</summary>
    Stop,

    /// <summary>To let what its clients have begun come to its end, and then to end as it does at a SIGTERM.</summary>
    Drain,
}
