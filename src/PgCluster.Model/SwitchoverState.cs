namespace PgCluster;

/// <summary>Where a switchover stands, as one participant sees it from the message log.</summary>
public enum SwitchoverState
{
    /// <summary>Not agreed on: nobody heard of a reset yet, or a run was cancelled. Needs a reset.</summary>
    Unknown = 0,

    /// <summary>The participants are being counted anew.</summary>
    Resetting,

    /// <summary>Ready to be executed.</summary>
    Idle,

    /// <summary>The leader copies while the application works on.</summary>
    Syncing,

    /// <summary>The participants pause their application.</summary>
    Pausing,

    /// <summary>All are paused; the leader stops the world and flips the pointer.</summary>
    Executing,

    /// <summary>The application works on the next database.</summary>
    Done,
}
