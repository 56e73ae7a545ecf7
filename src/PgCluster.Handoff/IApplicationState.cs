namespace PgCluster.Handoff;

/// <summary>
/// What an application hands over beside its descriptors, such as leases it holds and work it has begun. The library carries it and does not look into
/// it, and calls one method at a time. Implementations must not call the <see cref="ProcessHandoff"/> they belong to.
/// </summary>
public interface IApplicationState
{
    /// <summary>
    /// In the owner: what the successor has to know. After the call with <see cref="StateMoment.Final"/> the application must not change it, until either
    /// <see cref="ProcessHandoff.UpgradeComplete"/> says that the successor has it or <see cref="ResumeAsync"/> that it has not.
    /// </summary>
    /// <param name="moment">Which of the two calls of a handoff this is.</param>
    /// <param name="successor">Who asks.</param>
    /// <param name="cancellationToken">Cancelled when the handoff is over, by its timeout too.</param>
    /// <exception cref="HandoffRefusedException">The successor is not to take over.</exception>
    ValueTask<StateSnapshot> CaptureAsync(StateMoment moment, HandoffPeer successor, CancellationToken cancellationToken);

    /// <summary>In the owner: the handoff that the final state was captured for came to nothing, and the application goes on as it was.</summary>
    ValueTask ResumeAsync();

    /// <summary>
    /// In the successor: reads the owner's state and keeps it. Nothing is to be done about it yet: the owner is still at work. That begins when
    /// <see cref="ProcessHandoff.ReadyAsync"/> has returned. Not called where there was no owner.
    /// </summary>
    /// <param name="snapshot">The state; null when the owner has none, or is too old to hand one over.</param>
    /// <param name="moment">Which of the two calls of a handoff this is.</param>
    /// <param name="owner">Whose state it is.</param>
    /// <param name="cancellationToken">The one of the call that takes over.</param>
    /// <exception cref="HandoffRefusedException">This process cannot go on from it; the old one stays the owner.</exception>
    ValueTask AdoptAsync(StateSnapshot? snapshot, StateMoment moment, HandoffPeer owner, CancellationToken cancellationToken);
}
