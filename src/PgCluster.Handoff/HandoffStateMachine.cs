namespace PgCluster.Handoff;

/// <summary>Which state follows on which event. One owner or none: nothing that comes late makes a second one.</summary>
public static class HandoffStateMachine
{
    /// <summary>Judges an event.</summary>
    /// <param name="state">The state the process is in.</param>
    /// <param name="happened">What happens to it.</param>
    public static HandoffTransition Next(HandoffState state, HandoffEvent happened) => (state, happened) switch
    {
        (HandoffState.CheckingOwner, HandoffEvent.Ready) => To(HandoffState.Owner),
        (HandoffState.Owner, HandoffEvent.Request) => To(HandoffState.Transferring),
        (HandoffState.Transferring, HandoffEvent.TransferFailed) => To(HandoffState.Owner),
        (HandoffState.Transferring, HandoffEvent.TransferSucceeded) => new(HandoffState.Draining, Accepted: true, Completes: true),

        // Whoever drains or was stopped has signalled its end already.
        (HandoffState.Draining or HandoffState.Stopped, HandoffEvent.Stop) => To(HandoffState.Stopped),
        (_, HandoffEvent.Stop) => new(HandoffState.Stopped, Accepted: true, Completes: true),
        _ => new(state, Accepted: false, Completes: false),
    };

    /// <summary>Whether descriptors can be registered and removed in a state.</summary>
    internal static StoreLock LockIn(HandoffState state) => state switch
    {
        HandoffState.Transferring => StoreLock.InProgress,
        HandoffState.Draining => StoreLock.Completed,
        HandoffState.Stopped => StoreLock.Stopped,
        _ => StoreLock.Open,
    };

    private static HandoffTransition To(HandoffState state) => new(state, Accepted: true, Completes: false);
}
