namespace PgCluster.Playground;

/// <summary>Starts what keeps the servers of a playground: the agents.</summary>
internal interface IPlaygroundLauncher
{
    /// <summary>True when it starts agents, which act on the servers from the beginning.</summary>
    bool StartsAgents { get; }

    /// <summary>Says no before anything is made.</summary>
    void Validate();

    /// <summary>Starts it. Data directories, configuration and etcd are there; no server runs.</summary>
    Task LaunchAsync(PlaygroundRun run, CancellationToken cancellationToken);

    /// <summary>What of it does not answer yet; null when all does.</summary>
    Task<string?> FindMissingAsync(PlaygroundRun run, CancellationToken cancellationToken);
}
