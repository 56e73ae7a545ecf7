namespace PgCluster.Engine.Pooling;

/// <summary>
/// The admin console of one PgBouncer. Every call is bounded by its token; errors are <see cref="PgClusterException"/> with
/// <see cref="Reason.PoolerUnreachable"/>, or <see cref="Reason.PauseTimeout"/> from a pause whose token ended.
/// </summary>
public interface IPoolerConsole : IAsyncDisposable
{
    /// <summary>
    /// Connects what a pause needs, and tries it: a pause after it begins with its first command. Costs nothing when that is connected, and does nothing while a pause is being made.
    /// </summary>
    Task PreparePauseAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Pauses every database (except the console's own): new queries queue at once, the call returns when every server connection is released.
    /// Success when paused already. When the token ends first, the pause is lifted again before the exception is thrown.
    /// </summary>
    Task PauseAsync(CancellationToken cancellationToken);

    /// <summary>Resumes every database and lifts a global pause. Success when nothing was paused.</summary>
    Task ResumeAsync(CancellationToken cancellationToken);

    /// <summary>Reads the configuration file again. PgBouncer answers success even for a broken file: confirm with <see cref="ShowDatabasesAsync"/>.</summary>
    Task ReloadAsync(CancellationToken cancellationToken);

    /// <summary>SHOW DATABASES, by column name.</summary>
    Task<IReadOnlyList<PoolerDatabase>> ShowDatabasesAsync(CancellationToken cancellationToken);

    /// <summary>SHOW SERVERS: the pooler's connections to servers.</summary>
    Task<IReadOnlyList<PoolerServer>> ShowServersAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Drops every client and every server connection of these databases at once (KILL), whatever they are doing; new clients are served as soon as that is done.
    /// Refused for a database that is paused.
    /// </summary>
    Task KillAsync(IReadOnlyCollection<string> databases, CancellationToken cancellationToken);

    /// <summary>SHOW POOLS as counts, SHOW CONFIG and the version.</summary>
    Task<PoolerCounts> GetCountsAsync(CancellationToken cancellationToken);

    /// <summary>Stops new connections to one database, or to all of them except the console's own when null.</summary>
    Task DisableAsync(string? database, CancellationToken cancellationToken);

    /// <summary>Undoes <see cref="DisableAsync"/>.</summary>
    Task EnableAsync(string? database, CancellationToken cancellationToken);
}
