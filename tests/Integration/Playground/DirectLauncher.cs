using PgCluster.Playground;

namespace PgCluster.Tests.Integration.Playground;

/// <summary>Starts the servers itself, without agents: what a playground does apart from them.</summary>
internal sealed class DirectLauncher : IPlaygroundLauncher
{
    public bool StartsAgents => false;

    /// <summary>Called with the run after the servers are up.</summary>
    public Func<PlaygroundRun, CancellationToken, Task>? Then { get; init; }

    public void Validate()
    {
    }

    public async Task LaunchAsync(PlaygroundRun run, CancellationToken cancellationToken)
    {
        await Task.WhenAll(run.State.Servers.Select(async server =>
        {
            await using var postgres = ReadyCheck.Open(run, server);
            await postgres.StartAsync(cancellationToken);
        }));
        if (Then is not null)
        {
            await Then(run, cancellationToken);
        }
    }

    public Task<string?> FindMissingAsync(PlaygroundRun run, CancellationToken cancellationToken) => Task.FromResult<string?>(null);
}
