using PgCluster.Playground;

namespace PgCluster.Bench.Failover;

/// <summary>Starts the servers of a playground and nothing that watches over them: the cluster of somebody who does everything by hand.</summary>
internal sealed class BareLauncher : IPlaygroundLauncher
{
    public bool StartsAgents => false;

    public void Validate()
    {
    }

    public Task LaunchAsync(PlaygroundRun run, CancellationToken cancellationToken) => Task.WhenAll(run.State.Servers.Select(async server =>
    {
        await using var postgres = ReadyCheck.Open(run, server);
        await postgres.StartAsync(cancellationToken);
    }));

    public Task<string?> FindMissingAsync(PlaygroundRun run, CancellationToken cancellationToken) => Task.FromResult<string?>(null);
}
