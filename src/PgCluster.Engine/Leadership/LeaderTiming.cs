namespace PgCluster.Engine.Leadership;

/// <summary>
/// When a leader whose lease is not renewed has to have stopped, counted from the moment its latest renewal was sent. The store counts from when that
/// renewal arrived, so it cannot let anybody else in before <see cref="TimeToLive"/> is over:
/// <code>
/// renewal sent                          StopAfter      KillAfter      TimeToLive
///     |------------ serves --------------->|-- stops ---->|-- margin ---->| others may be elected
/// </code>
/// The margin is what clocks may drift apart within one lease, and what a kill may take.
/// </summary>
/// <param name="TimeToLive">Length of the lease.</param>
public sealed record LeaderTiming(TimeSpan TimeToLive)
{
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(300);

    /// <summary>Time between the kill and the earliest moment at which somebody else may lead: a twentieth of the lease, at least 300 ms.</summary>
    public TimeSpan SafetyMargin => Longer(TimeToLive / 20, Least);

    /// <summary>What a polite stop is given before the server is killed: a tenth of the lease, at least 300 ms.</summary>
    public TimeSpan StopBudget => Longer(TimeToLive / 10, Least);

    /// <summary>Time between two beats of a leader.</summary>
    public TimeSpan BeatInterval => TimeToLive / 6;

    /// <summary>From then on others suspect a leader that they have not heard of: three fifths of the lease.</summary>
    public TimeSpan SuspectAfter => TimeToLive * 3 / 5;

    /// <summary>From then on the leader stops its server politely.</summary>
    public TimeSpan StopAfter => KillAfter - StopBudget;

    /// <summary>Then every process of the server is killed.</summary>
    public TimeSpan KillAfter => TimeToLive - SafetyMargin;

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
