namespace PgCluster.Tests.Integration.Playground;

/// <summary>The real clock, but timers of one length only go off when told to.</summary>
internal sealed class HeldTime(TimeSpan held) : TimeProvider
{
    private readonly List<(TimerCallback Callback, object? State)> _held = [];

    public void Fire() => _held.ForEach(timer => timer.Callback(timer.State));

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime != held)
        {
            return base.CreateTimer(callback, state, dueTime, period);
        }

        _held.Add((callback, state));
        return base.CreateTimer(_ => { }, null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }
}
