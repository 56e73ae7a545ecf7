namespace PgCluster.Engine.Nodes;

/// <summary>Proof that a command comes from the holder of the cluster's lock.</summary>
/// <param name="Id">Id of the operation's plan.</param>
/// <param name="LockKey">The key that holds the lock.</param>
/// <param name="LockRevision">Create-revision of that key.</param>
public sealed record OperationToken(string Id, string LockKey, long LockRevision);

/// <summary>What a promotion did.</summary>
/// <param name="Timeline">The new timeline.</param>
/// <param name="Address">The address published.</param>
/// <param name="Revision">Revision of the publication.</param>
/// <param name="PromotedMs">Milliseconds until the server accepted writes.</param>
/// <param name="PublishedMs">Milliseconds the publication took.</param>
public sealed record Promotion(int Timeline, string Address, long Revision, double PromotedMs, double PublishedMs);

/// <summary>
/// The agent beside one PostgreSQL. Errors are <see cref="PgClusterException"/>: <see cref="Reason.AgentUnreachable"/> when it does not answer,
/// <see cref="Reason.LockLost"/> when it does not find the caller's lock in the store.
/// </summary>
public interface INodeAgent
{
    /// <summary>What the agent sees now.</summary>
    Task<NodeReport> GetStatusAsync(CancellationToken cancellationToken);

    /// <summary>Client sessions with a transaction open for longer than that.</summary>
    Task<IReadOnlyList<PauseBlocker>> GetOpenTransactionsAsync(TimeSpan olderThan, CancellationToken cancellationToken);

    /// <summary>Terminates these sessions; returns how many were there.</summary>
    Task<int> TerminateSessionsAsync(OperationToken operation, IReadOnlyList<int> pids, CancellationToken cancellationToken);

    /// <summary>CHECKPOINT.</summary>
    Task CheckpointAsync(OperationToken operation, CancellationToken cancellationToken);

    /// <summary>
    /// Stops the primary (fast), after a last look whether <paramref name="target"/> streams from it. The agent starts it again as a primary when
    /// the operation is not decided within <paramref name="expiry"/>.
    /// </summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NoEligibleCandidate"/> when the target does not stream: nothing was stopped.</exception>
    Task<PostgresShutdown> StopPrimaryAsync(OperationToken operation, string target, TimeSpan expiry, CancellationToken cancellationToken);

    /// <summary>Starts it again as the primary it was. <see cref="Reason.PlanStale"/> when the operation was decided for its target.</summary>
    Task RestartPrimaryAsync(OperationToken operation, CancellationToken cancellationToken);

    /// <summary>Returns when the standby has replayed past <paramref name="lsn"/>, with what it has replayed.</summary>
    Task<Lsn> WaitForReplayAsync(Lsn lsn, CancellationToken cancellationToken);

    /// <summary>
    /// Decides the operation in the store for this node, promotes it and publishes its address.
    /// <see cref="Reason.PlanStale"/> or <see cref="Reason.LockLost"/> when the decision was refused: then nothing happened.
    /// </summary>
    Task<Promotion> PromoteAsync(OperationToken operation, CancellationToken cancellationToken);

    /// <summary>Makes the server a standby of <paramref name="upstream"/> and returns when it streams.</summary>
    Task FollowAsync(OperationToken operation, UpstreamAddress upstream, CancellationToken cancellationToken);
}
