using PgCluster.Engine.Membership;
using PgCluster.Engine.Rejoin;

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

    /// <summary>
    /// Takes the node's standby off whatever it streams from, and says what it has. <see cref="Reason.PlanStale"/> while somebody leads: nothing was done.
    /// </summary>
    Task<NodeReport> VoteAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Promises a leader which has lost the store not to vote or be elected for the length of a lease (leader.failsafe). <see cref="Reason.PlanStale"/> when the agent has
    /// not seen that leader in that term lead last, or has voted since.
    /// </summary>
    Task VouchAsync(string leader, string term, CancellationToken cancellationToken);

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

    /// <summary>What has to be known of the node before the cluster is taken under management. Changes nothing.</summary>
    /// <param name="others">The servers of the other nodes: whether this one gets in there.</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task<NodeSurvey> SurveyAsync(IReadOnlyList<UpstreamAddress> others, CancellationToken cancellationToken);

    /// <summary>
    /// Lets a running standby of a cluster that is not initialised yet stream from <paramref name="upstream"/> under its node's name, by a reload, and returns when it streams.
    /// </summary>
    /// <exception cref="PgClusterException"><see cref="Reason.ForeignServer"/> or <see cref="Reason.PlanStale"/>: nothing was done.</exception>
    Task AdoptAsync(OperationToken operation, string systemIdentifier, UpstreamAddress upstream, CancellationToken cancellationToken);

    /// <summary>Makes the first server of a new cluster beside the node's empty data directory, and returns its system identifier. Nothing starts it there.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlanStale"/> when the data directory is not empty or the cluster exists: nothing was done.</exception>
    Task<string> MakeServerAsync(OperationToken operation, string locale, string encoding, CancellationToken cancellationToken);

    /// <summary>Lets what <see cref="MakeServerAsync"/> made take the data directory's place: the agent starts it from here on, and leads.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlanStale"/> or <see cref="Reason.LockLost"/>: it is not in place.</exception>
    Task BeginServerAsync(OperationToken operation, CancellationToken cancellationToken);

    /// <summary>Removes what <see cref="MakeServerAsync"/> made for this operation, and nothing else. False when nothing is there. The lock need not be held.</summary>
    Task<bool> DiscardServerAsync(OperationToken operation, CancellationToken cancellationToken);

    /// <summary>How the node could come back behind <paramref name="upstream"/>, and what a copy would bring over. Changes nothing.</summary>
    Task<RejoinInspection> InspectRejoinAsync(UpstreamAddress upstream, CancellationToken cancellationToken);

    /// <summary>
    /// Brings the node back behind <paramref name="upstream"/> and returns when its server runs as a standby. <see cref="Reason.PlanStale"/> when that takes more
    /// than was ordered, or the node leads by now: nothing was done.
    /// </summary>
    Task<RejoinOutcome> RejoinAsync(OperationToken operation, UpstreamAddress upstream, RejoinOrder order, CancellationToken cancellationToken);

    /// <summary>
    /// Restarts the node's PostgreSQL as what it is, and returns when it accepts connections. A leader goes on leading meanwhile; one whose server does not come
    /// back steps down. Once the server was told to stop it is started again, also when the caller is gone.
    /// </summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlanStale"/> when it does not run: nothing was done; <see cref="Reason.PostgresUnavailable"/> when it did not come back.</exception>
    Task RestartServerAsync(OperationToken operation, CancellationToken cancellationToken);

    /// <summary>Every session of a client, oldest first.</summary>
    Task<IReadOnlyList<ClientSession>> GetSessionsAsync(CancellationToken cancellationToken);

    /// <summary>One round of the leader's role loop, at once; returns what was changed, or with <see cref="RoleAdjustmentRequest.PlanOnly"/> what would be.</summary>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.PlanStale"/> when the node does not lead; <see cref="Reason.InvalidConfiguration"/> when the roles are the operator's (synchronous.mode manual): nothing was done.
    /// </exception>
    Task<RolePlan> AdjustRolesAsync(RoleAdjustmentRequest request, CancellationToken cancellationToken);
}
