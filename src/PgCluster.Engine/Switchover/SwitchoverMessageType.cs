namespace PgCluster.Engine.Switchover;

/// <summary>What a message of the log says.</summary>
public enum SwitchoverMessageType
{
    /// <summary>A row that cannot be read as a message. Treated as any message out of place: it cancels.</summary>
    Invalid = 0,

    /// <summary>A participant is there: without an answered message when it started, else in answer to a reset.</summary>
    Hello,

    /// <summary>Count the participants anew.</summary>
    Reset,

    /// <summary>The leader has closed the count.</summary>
    ResetEnd,

    /// <summary>Begin.</summary>
    Execute,

    /// <summary>The leader's sync is near enough: everybody pauses the application.</summary>
    Pause,

    /// <summary>One participant's application is paused.</summary>
    Paused,

    /// <summary>The pointer is flipped.</summary>
    Done,

    /// <summary>The leader lives, and what it is doing.</summary>
    Status,

    /// <summary>Somebody failed; ends the run.</summary>
    Error,

    /// <summary>Ends the run.</summary>
    Cancel,
}
