using PgCluster.Engine.Membership;
using PgCluster.Engine.Rejoin;
using PgCluster.Engine.Switchover;

namespace PgCluster.Engine.Nodes;

/// <summary>
/// The PostgreSQL of this very machine: what an agent can see of it and do to it. Errors are <see cref="PgClusterException"/> with
/// <see cref="Reason.PostgresUnavailable"/> or, when the token ended first, <see cref="OperationCanceledException"/>.
/// </summary>
public interface IPostgresServer : IAsyncDisposable
{
    /// <summary>Looks at process, data directory and, when it answers, the server itself. Never throws for a server that is down.</summary>
    Task<PostgresStatus> ProbeAsync(CancellationToken cancellationToken);

    /// <summary>Completes when the postmaster that runs now is gone; at once when none runs. Noticed within milliseconds for a child of this process.</summary>
    Task WaitForExitAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Keeps the TCP sockets on which the postmaster that runs now listens open in this process too, from when it listens: after its death connections wait instead of being refused, until
    /// what is returned is disposed. They are let go of earlier by every start, stop and kill of a server that runs, whoever stops it, and by this object's disposal.
    /// Nothing is held where none runs, or where the system does not allow it.
    /// </summary>
    IDisposable HoldListeners();

    /// <summary>
    /// Starts the server as what its data directory says (standby.signal) and returns when it accepts connections. Success when it runs already.
    /// </summary>
    Task StartAsync(CancellationToken cancellationToken);

    /// <summary>Stops the server and returns when its process is gone. Success when it does not run.</summary>
    Task<PostgresShutdown> StopAsync(ShutdownMode mode, CancellationToken cancellationToken);

    /// <summary>CHECKPOINT.</summary>
    Task CheckpointAsync(CancellationToken cancellationToken);

    /// <summary>Promotes a standby and returns when it accepts writes, with the new timeline. Success when it is a primary already.</summary>
    Task<int> PromoteAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Makes this server a standby of <paramref name="upstream"/>: writes primary_conninfo and standby.signal, reloads a standby that runs, starts
    /// one that does not. A server that runs as a primary is refused: stop it first.
    /// </summary>
    Task FollowAsync(UpstreamAddress upstream, CancellationToken cancellationToken);

    /// <summary>Takes away standby.signal of a stopped server, so that it starts as the primary it was. Only sound after a clean shutdown as primary.</summary>
    Task MakePrimaryAsync(CancellationToken cancellationToken);

    /// <summary>Waits until this standby has replayed past <paramref name="lsn"/>, polling each millisecond. Returns what it has replayed.</summary>
    Task<Lsn> WaitForReplayAsync(Lsn lsn, CancellationToken cancellationToken);

    /// <summary>Sets the list of synchronous standbys of this node (ALTER SYSTEM and reload); an empty value turns waiting off.</summary>
    Task SetSynchronousStandbysAsync(string value, CancellationToken cancellationToken);

    /// <summary>
    /// The pointer that a switchover keeps in <paramref name="database"/> (pgcluster_switchover.state), read within the connection's budget; null when
    /// there is none, or no such database.
    /// </summary>
    Task<SourcePointer?> ReadPointerAsync(string database, CancellationToken cancellationToken);

    /// <summary>Client sessions with an open transaction older than <paramref name="olderThan"/>, oldest first.</summary>
    Task<IReadOnlyList<PauseBlocker>> GetOpenTransactionsAsync(TimeSpan olderThan, CancellationToken cancellationToken);

    /// <summary>Every session of a client, the agent's and the watchers' own left out, oldest first.</summary>
    Task<IReadOnlyList<ClientSession>> GetSessionsAsync(CancellationToken cancellationToken);

    /// <summary>Terminates these sessions (pg_terminate_backend). Returns how many were there.</summary>
    Task<int> TerminateSessionsAsync(IReadOnlyList<int> pids, CancellationToken cancellationToken);

    /// <summary>
    /// Takes a running standby off its upstream and returns when it is certain that it receives, and so acknowledges, nothing more: primary_conninfo is
    /// emptied, what stood there is kept for <see cref="FollowAsync"/>, which alone brings it back. Success when it is sealed already.
    /// </summary>
    /// <param name="replayBudget">How long to wait for the replay of what was received; not reaching its end is no error.</param>
    /// <param name="cancellationToken">Ends the wait for the seal; the standby may or may not be sealed then.</param>
    Task<SealedStandby> SealAsync(TimeSpan replayBudget, CancellationToken cancellationToken);

    /// <summary>
    /// SIGKILL to the postmaster and every process of the data directory; returns when all are gone. A killed postmaster alone leaves sessions that go on
    /// committing. Success when none runs.
    /// </summary>
    Task KillAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Makes the physical slots of these nodes that are missing, so that WAL is kept for them from now on, and drops those of ours
    /// (<see cref="SlotName.Prefix"/>) that belong to none of them. On primary and standby. A slot that lost its WAL is made anew.
    /// </summary>
    /// <param name="nodes">The nodes that may stream from this server.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/> when two nodes would share a slot.</exception>
    Task EnsureSlotsAsync(IReadOnlyCollection<string> nodes, CancellationToken cancellationToken);

    /// <summary>
    /// Moves the unused slots of ours forward on a standby, so that they keep no more than they must: to where the primary's slot of the same name is, or,
    /// where that has none, to this server's own latest restart point.
    /// </summary>
    /// <param name="primarySlots">The primary's slots.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    Task AdvanceSlotsAsync(IReadOnlyList<ReplicationSlot> primarySlots, CancellationToken cancellationToken);

    /// <summary>
    /// What <see cref="RejoinPolicy"/> decides by: this server, running or not, first, and then the upstream, which has to answer: as a standby asks it
    /// (IDENTIFY_SYSTEM), and as the superuser for its timeline's history file.
    /// </summary>
    Task<RejoinSituation> InspectAsync(UpstreamAddress upstream, CancellationToken cancellationToken);

    /// <summary>Bytes that a base backup of <paramref name="upstream"/> would bring over, without WAL: asked of that server, as the superuser.</summary>
    Task<long> GetCopySizeAsync(UpstreamAddress upstream, CancellationToken cancellationToken);

    /// <summary>
    /// Takes back with pg_rewind what only this stopped server has, keeps its own configuration, and makes it a standby of
    /// <paramref name="upstream"/>, a primary; does not start it. Safe to repeat after a crash: until it has come to its end the directory cannot be started.
    /// </summary>
    /// <param name="upstream">The primary to copy from and to follow.</param>
    /// <param name="keepCopy">Keep the WAL that is discarded, and pg_control, in DATADIR.diverged-TIME.</param>
    /// <param name="cancellationToken">Ends it; it can be repeated.</param>
    /// <exception cref="PgClusterException">With pg_rewind's last lines when it cannot: clone then.</exception>
    Task<RejoinResult> RewindAsync(UpstreamAddress upstream, bool keepCopy, CancellationToken cancellationToken);

    /// <summary>
    /// Makes a new base backup of <paramref name="upstream"/> beside the data directory of this stopped server, gives it the node's own configuration, lets it
    /// take the data directory's place when it is complete, starts it, and removes the old one when it streams. Safe to repeat after a crash.
    /// </summary>
    /// <param name="upstream">The server to copy and to follow.</param>
    /// <param name="keepOld">Keep the old data directory as DATADIR.before-TIME.</param>
    /// <param name="start">What has it started, where somebody else is its parent; null for this object.</param>
    /// <param name="cancellationToken">Ends it; it can be repeated.</param>
    Task<RejoinResult> CloneAsync(UpstreamAddress upstream, bool keepOld, Func<CancellationToken, Task>? start, CancellationToken cancellationToken);

    /// <summary>
    /// Removes what a clone that was cut short left beside the data directory of a server that runs, the old data of one whose agent died before it saw the
    /// new server stream included. Nothing of what was kept on purpose. For when the node streams.
    /// </summary>
    Task CleanUpAfterRejoinAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Runs initdb beside the empty data directory, gives the roles of this server their passwords and writes its configuration. Returns the system identifier. What a
    /// try before left beside it is removed first; nothing of this one is left when it fails.
    /// </summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlanStale"/> when the data directory is not empty.</exception>
    Task<string> MakeNewAsync(NewServerOrder order, CancellationToken cancellationToken);

    /// <summary>Moves what was made for that operation to the place of the data directory, which has to be empty still; does not start it.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlanStale"/>: it is not in place.</exception>
    Task PlaceNewAsync(string operation, CancellationToken cancellationToken);

    /// <summary>Removes what was made for that operation and is not in place. False when nothing is there.</summary>
    Task<bool> DiscardNewAsync(string operation, CancellationToken cancellationToken);

    /// <summary>Everything that is asked of this server, and of its way to <paramref name="others"/>, before the cluster is taken under management.</summary>
    /// <param name="others">The servers of the other nodes.</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task<NodeSurvey> SurveyAsync(IReadOnlyList<UpstreamAddress> others, CancellationToken cancellationToken);
}
