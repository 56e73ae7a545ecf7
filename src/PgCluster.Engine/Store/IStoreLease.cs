namespace PgCluster.Engine.Store;

/// <summary>A lease that is kept alive; keys written under it vanish when it ends. Disposing revokes it.</summary>
public interface IStoreLease : IAsyncDisposable
{
    /// <summary>The lease's id in the store.</summary>
    long Id { get; }

    /// <summary>How long the store keeps it after a renewal.</summary>
    TimeSpan TimeToLive { get; }

    /// <summary>
    /// When the latest renewal that was granted was sent, as a timestamp of the store's clock (<see cref="TimeProvider.GetTimestamp"/>): the store does not
    /// end the lease before <see cref="TimeToLive"/> after that moment.
    /// </summary>
    long RenewedAt { get; }

    /// <summary>
    /// Cancelled as soon as the lease can no longer be relied on: the store said it is gone, or its time is over by this process's clock
    /// without a renewal, whichever is first.
    /// </summary>
    CancellationToken Lost { get; }

    /// <summary>Renews no more and revokes nothing: what was written under it stays for the time that is left, for a successor to take over.</summary>
    ValueTask AbandonAsync();
}
