using PgCluster.Engine.Daemons;
using PgCluster.Protos.V1;

namespace PgCluster.Adapters.Peers;

/// <summary>The daemons of one machine, over gRPC.</summary>
internal sealed class GrpcDaemonKeeper(PeerCalls calls) : IDaemonKeeper
{
    public async Task<IReadOnlyList<ClusterDaemon>> ListAsync(CancellationToken cancellationToken) =>
        [.. (await calls.CallAsync(PeerMethods.ListDaemons, new ListDaemonsRequest(), cancellationToken).ConfigureAwait(false)).DaemonJson.Select(DaemonRecord.FromJson).OfType<ClusterDaemon>()];

    public Task OrderAsync(ClusterDaemon daemon, DaemonOrder order, CancellationToken cancellationToken) => calls.CallAsync(
        PeerMethods.OrderDaemon, new OrderDaemonRequest { Name = daemon.Name, Pid = daemon.Pid, StartTicks = daemon.StartTicks, OrderJson = order.ToJson() }, cancellationToken);
}
