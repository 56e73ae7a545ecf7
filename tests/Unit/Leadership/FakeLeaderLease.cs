using PgCluster.Engine.Store;

namespace PgCluster.Tests.Unit.Leadership;

/// <summary>A lease that a test renews by hand.</summary>
internal sealed class FakeLeaderLease(FakeLeaderStore store, long id, TimeSpan timeToLive, long renewedAt) : IStoreLease
{
    private long _renewedAt = renewedAt;

    public long Id => id;

    public TimeSpan TimeToLive => timeToLive;

    public long RenewedAt
    {
        get => Volatile.Read(ref _renewedAt);
        set => Volatile.Write(ref _renewedAt, value);
    }

    public CancellationToken Lost => CancellationToken.None;

    public bool IsRevoked { get; private set; }

    public bool IsAbandoned { get; private set; }

    public ValueTask AbandonAsync()
    {
        IsAbandoned = true;
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        IsRevoked = true;
        store.End(this);
        return ValueTask.CompletedTask;
    }
}
