using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Topology;

/// <summary>Asks servers themselves, by SQL and not through their agents.</summary>
public interface IServerProbe : IAsyncDisposable
{
    /// <summary>Whether a server accepts writes. Its times are zero; what goes wrong is in the look, never thrown.</summary>
    /// <exception cref="OperationCanceledException">The token ended it.</exception>
    Task<ServerLook> LookAsync(NodeConfig node, TimeSpan budget, CancellationToken cancellationToken);

    /// <summary>Settings of a server that its agent does not tell.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PostgresUnavailable"/>: it does not answer in time, or does not let this caller in.</exception>
    Task<ServerSettings> ReadSettingsAsync(NodeConfig node, TimeSpan budget, CancellationToken cancellationToken);
}
