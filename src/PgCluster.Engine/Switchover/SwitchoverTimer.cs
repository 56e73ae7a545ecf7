namespace PgCluster.Engine.Switchover;

/// <summary>The timers of a participant. A timer that is started again replaces the one of its kind before it.</summary>
public enum SwitchoverTimer
{
    /// <summary>The leader's: after it the count of participants is closed.</summary>
    HelloWindow = 0,

    /// <summary>Everybody's, while resetting or in a run: after it somebody who had to speak is taken for dead.</summary>
    Silence,

    /// <summary>The leader's, while everybody pauses: after it a participant that has not paused is taken for dead.</summary>
    Pausing,
}
