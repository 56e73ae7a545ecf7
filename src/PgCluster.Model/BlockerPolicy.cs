namespace PgCluster;

/// <summary>What to do with sessions that would keep a pooler from pausing.</summary>
public enum BlockerPolicy
{
    /// <summary>Pause anyway and wait for them, at most the pause timeout.</summary>
    Wait = 0,

    /// <summary>Refuse before anything is paused.</summary>
    Abort,

    /// <summary>Terminate them when half of the pause timeout is over.</summary>
    Terminate,
}
