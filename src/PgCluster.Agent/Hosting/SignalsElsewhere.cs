using Microsoft.Extensions.Hosting;

namespace PgCluster.Agent.Hosting;

/// <summary>Keeps the host from ending by itself at a signal: <see cref="StopSignals"/> hears them, and an agent may have work to do before it ends.</summary>
internal sealed class SignalsElsewhere : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
