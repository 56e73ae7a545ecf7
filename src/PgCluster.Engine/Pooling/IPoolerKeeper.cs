namespace PgCluster.Engine.Pooling;

/// <summary>
/// The process that keeps the pauses of one pooler. Errors are <see cref="PgClusterException"/>: <see cref="Reason.PoolerUnreachable"/>,
/// <see cref="Reason.PauseTimeout"/>, <see cref="Reason.LockHeld"/> when another lease holds the pooler.
/// </summary>
public interface IPoolerKeeper
{
    /// <summary>The pooler as its keeper sees it now.</summary>
    Task<PoolerInfo> GetAsync(CancellationToken cancellationToken);

    /// <summary>Pauses it under a lease.</summary>
    /// <param name="leaseId">The token, chosen by the caller so that a lost answer can still be undone.</param>
    /// <param name="holder">Who, in words.</param>
    /// <param name="timeout">How long it may take to reach the paused state.</param>
    /// <param name="expiry">When the keeper resumes whatever happens, from its receipt of the request.</param>
    /// <param name="cancellationToken">Ends the wait for the answer.</param>
    Task<PauseLease> PauseAsync(string leaseId, string holder, TimeSpan timeout, TimeSpan expiry, CancellationToken cancellationToken);

    /// <summary>
    /// Goes the whole way of a pause on both sides, and pauses nothing: one that comes within the minute waits neither for a connection and its login nor for code that has not run yet.
    /// </summary>
    Task PreparePauseAsync(CancellationToken cancellationToken);

    /// <summary>Ends a pause early: the one of <paramref name="leaseId"/>, or whichever there is when null. True when there was one.</summary>
    Task<bool> ResumeAsync(string? leaseId, CancellationToken cancellationToken);

    /// <summary>As <see cref="ResumeAsync"/>, for good: a request for a pause of that id which comes later is refused with <see cref="Reason.Cancelled"/>.</summary>
    Task<bool> FinishAsync(string leaseId, CancellationToken cancellationToken);

    /// <summary>Returns when the pooler itself says that its databases lead there; false where its keeper has no word for that, and it may not yet.</summary>
    Task<bool> ConfirmTargetAsync(PoolerTarget target, CancellationToken cancellationToken);

    /// <summary>
    /// For a primary that is gone: what still waits for an answer of another server than this one, a moment after the call, is dropped, clients included; they would wait for
    /// as long as TCP does. How many connections to servers that were; nobody is touched when there is none.
    /// </summary>
    Task<int> DropStraysAsync(PoolerTarget target, CancellationToken cancellationToken);

    /// <summary>Has a new process of the same program take its connections over.</summary>
    /// <param name="mayDrop">Whether clients that cannot be handed over may be dropped.</param>
    /// <param name="planOnly">True to see what would be done and whether it may; changes nothing.</param>
    /// <param name="cancellationToken">Ends the wait for the answer, not what was begun.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.PreflightFailed"/> and others: it may not, and why; <see cref="Reason.RolledBack"/>: the old process goes on; <see cref="Reason.NeedsOperator"/>.</exception>
    Task<PoolerRestart> RestartAsync(bool mayDrop, bool planOnly, CancellationToken cancellationToken);
}
