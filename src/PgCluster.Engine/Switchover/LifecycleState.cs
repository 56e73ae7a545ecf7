namespace PgCluster.Engine.Switchover;

/// <summary>Where an application's life stands.</summary>
public enum LifecycleState
{
    /// <summary>Not started.</summary>
    Unknown = 0,

    /// <summary>Being started.</summary>
    Starting,

    /// <summary>At work.</summary>
    Ready,

    /// <summary>Finishing what is under way, to pause.</summary>
    Pausing,

    /// <summary>Not using its database.</summary>
    Paused,

    /// <summary>Ending, or ended. Final.</summary>
    Shutdown,
}
