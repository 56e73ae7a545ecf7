namespace PgCluster.Tests.Unit.Support;

/// <summary>
/// A clock that stands still until it is advanced. Timers fire on the advancing thread, in the order they are due, each with the clock at its own
/// moment. <see cref="WhenTimerAsync"/> tells a test that the code has come to its wait, so that no test has to guess.
/// </summary>
public sealed class FakeTimeProvider : TimeProvider
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(20);

    private readonly Lock _sync = new();
    private readonly List<FakeTimer> _armed = [];
    private readonly List<(TimeSpan Due, TaskCompletionSource Reached)> _waits = [];
    private DateTimeOffset _now;
    private TimeSpan _elapsed;
    private long _order;

    public FakeTimeProvider()
        : this(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero))
    {
    }

    public FakeTimeProvider(DateTimeOffset start) => _now = start;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>Timers that wait now.</summary>
    public int ArmedTimers
    {
        get
        {
            lock (_sync)
            {
                return _armed.Count;
            }
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_sync)
        {
            return _now;
        }
    }

    public override long GetTimestamp()
    {
        lock (_sync)
        {
            return _elapsed.Ticks;
        }
    }

    /// <summary>Moves the clock on and fires what comes due on the way.</summary>
    public void Advance(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        TimeSpan target;
        lock (_sync)
        {
            target = _elapsed + by;
        }

        while (TakeDue(target) is { } timer)
        {
            timer.Fire();
        }
    }

    /// <summary>Sets the wall clock without time passing, as an administrator or NTP does.</summary>
    public void SetUtcNow(DateTimeOffset now)
    {
        lock (_sync)
        {
            _now = now;
        }
    }

    /// <summary>Completes as soon as a timer is armed that is due in exactly <paramref name="due"/> from then.</summary>
    public Task WhenTimerAsync(TimeSpan due)
    {
        lock (_sync)
        {
            if (_armed.Any(timer => timer.DueAt - _elapsed == due))
            {
                return Task.CompletedTask;
            }

            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waits.Add((due, reached));
            return reached.Task.WaitAsync(Budget);
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new FakeTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private FakeTimer? TakeDue(TimeSpan target)
    {
        lock (_sync)
        {
            var next = _armed.Where(timer => timer.DueAt <= target).OrderBy(timer => timer.DueAt).ThenBy(timer => timer.Order).FirstOrDefault();
            var moment = next is null ? target : next.DueAt > _elapsed ? next.DueAt : _elapsed;
            if (moment > _elapsed)
            {
                _now += moment - _elapsed;
                _elapsed = moment;
            }

            if (next is not null)
            {
                _armed.Remove(next);
                if (next.Period > TimeSpan.Zero)
                {
                    Arm(next, next.Period);
                }
            }

            return next;
        }
    }

    private void Arm(FakeTimer timer, TimeSpan dueTime)
    {
        timer.DueAt = _elapsed + dueTime;
        timer.Order = _order++;
        _armed.Add(timer);
        foreach (var wait in _waits.Where(wait => wait.Due == dueTime).ToList())
        {
            _waits.Remove(wait);
            wait.Reached.SetResult();
        }
    }

    private sealed class FakeTimer(FakeTimeProvider clock, TimerCallback callback, object? state) : ITimer
    {
        private bool _disposed;

        public TimeSpan DueAt { get; set; }

        public TimeSpan Period { get; private set; }

        public long Order { get; set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._sync)
            {
                if (_disposed)
                {
                    return false;
                }

                clock._armed.Remove(this);
                Period = period == Timeout.InfiniteTimeSpan ? TimeSpan.Zero : period;
                if (dueTime == Timeout.InfiniteTimeSpan)
                {
                    return true;
                }

                if (dueTime > TimeSpan.Zero)
                {
                    clock.Arm(this, dueTime);
                    return true;
                }

                if (Period > TimeSpan.Zero)
                {
                    clock.Arm(this, Period);
                }
            }

            // A system timer fires from the pool at once; never on the thread that arms it, which may hold a lock.
            ThreadPool.QueueUserWorkItem(static timer => timer.Fire(), this, preferLocal: false);
            return true;
        }

        public void Dispose()
        {
            lock (clock._sync)
            {
                _disposed = true;
                clock._armed.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
