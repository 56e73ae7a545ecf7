using PgCluster.Engine.Leadership;

namespace PgCluster.Tests.Unit.Leadership;

/// <summary>Remembers the deadline it was given.</summary>
internal sealed class FakeGuard(TimeProvider time) : ILeaderGuard
{
    private readonly long _began = time.GetTimestamp();

    /// <summary>Since the test's begin; null when disarmed.</summary>
    public TimeSpan? Deadline { get; set; }

    public int Ensured { get; private set; }

    public bool IsArmed => Deadline is not null;

    public Task EnsureAsync(CancellationToken cancellationToken)
    {
        Ensured++;
        return Task.CompletedTask;
    }

    public void Arm(TimeSpan fromNow) => Deadline = time.GetElapsedTime(_began) + fromNow;

    public void Disarm() => Deadline = null;
}
