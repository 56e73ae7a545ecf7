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

    /// <summary>Terminates these sessions (pg_terminate_backend). Returns how many were there.</summary>
    Task<int> TerminateSessionsAsync(IReadOnlyList<int> pids, CancellationToken cancellationToken);
}
