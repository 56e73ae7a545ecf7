namespace PgCluster;

/// <summary>What a daemon is at, between its start and its end.</summary>
public enum DaemonState
{
    /// <summary>It has begun, and takes over from the one that runs, or is about to serve.</summary>
    Starting = 0,

    /// <summary>It is at work.</summary>
    Running,

    /// <summary>Another one is at work, and it ends what its clients have begun.</summary>
    Draining,

    /// <summary>It ended before it was at work; its error says why.</summary>
    Failed,

    /// <summary>It showed that it could have taken over, and ended.</summary>
    Rehearsed,
}
