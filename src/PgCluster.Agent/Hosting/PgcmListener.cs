using PgCluster.Agent.Services;
using PgCluster.Engine.Configuration;

namespace PgCluster.Agent.Hosting;

/// <summary>
/// pgsql-cluster-manager's service where its clients look for it (<c>nodes.pgcm</c>). They know no certificates, so that whoever reaches the address may pause and move: a listener of its own, with this
/// one service beside that of health, and only where it is asked for.
/// </summary>
internal sealed class PgcmListener(NodeConfig self, DaemonHandoff handoff, TimeProvider time) : IAsyncDisposable
{
    private readonly DaemonServer? _server = self.Pgcm is { } address ? DaemonServer.CreatePlainText(address, handoff, time) : null;

    /// <summary>Serves until one of the tokens ends it; at once done where the node has no such address.</summary>
    public async Task RunAsync(PgcmFailoverService service, CancellationToken stop, CancellationToken drain)
    {
        if (_server is { } server)
        {
            service.Map(server.MapGrpc());
            await server.RunUntilAsync([], stop, drain).ConfigureAwait(false);
        }
    }

    public ValueTask DisposeAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;
}
