using PgCluster.Adapters.Peers;
using PgCluster.Adapters.Process;
using PgCluster.Agent.Daemons;
using PgCluster.Agent.Grpc;
using PgCluster.Agent.Hosting;
using PgCluster.Engine.Daemons;
using PgCluster.Protos.V1;

namespace PgCluster.Agent.Services;

/// <summary>The daemons of this machine, on the wire: this one, and those that write themselves down in the same directory.</summary>
internal static class DaemonKeeperService
{
    public static GrpcServiceMap MapDaemonKeeper(this GrpcServiceMap map, DaemonHandoff self) => map
        .MapUnary(PeerMethods.ListDaemons, (_, _) =>
        {
            var answer = new ListDaemonsResponse();
            answer.DaemonJson.Add(All(self).Select(DaemonRecord.ToJson));
            return Task.FromResult(answer);
        })
        .MapUnary(PeerMethods.OrderDaemon, (request, _) =>
        {
            var order = DaemonOrder.FromJson(request.OrderJson) ?? throw new PgClusterException(Reason.InvalidArgument, "the order is in a form that this version does not read");
            var daemon = All(self).FirstOrDefault(d => (d.Name, d.Pid, d.StartTicks) == (request.Name, request.Pid, request.StartTicks)) ?? throw new PgClusterException(
                Reason.PlanStale, $"pid {request.Pid} does not run as {request.Name} any more on {Environment.MachineName}") { Target = request.Name };
            if (daemon.Pid == Environment.ProcessId)
            {
                self.Orders.Obey(order);
            }
            else
            {
                Tell(self.Directory, daemon, order);
            }

            return Task.FromResult(new OrderDaemonResponse());
        });

    private static IEnumerable<ClusterDaemon> All(DaemonHandoff self) => self.Directory.Read().Where(d => d.Pid != Environment.ProcessId).Prepend(self.Record.Now);

    private static void Tell(DaemonDirectory directory, ClusterDaemon daemon, DaemonOrder order)
    {
        if (DaemonOrderRule.Refusal(daemon, order.Kind) is { } refusal)
        {
            throw refusal;
        }

        try
        {
            if (order.Kind != DaemonOrderKind.Stop)
            {
                directory.WriteOrder(daemon, order);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PgClusterException(Reason.AccessDenied, $"{daemon.Name} belongs to another user: {e.Message}", e) { Target = daemon.Name };
        }

        if (!new ProcessIdentity(daemon.Pid, daemon.StartTicks).Signal(order.Kind == DaemonOrderKind.Stop ? UnixSignal.Terminate : UnixSignal.Hangup))
        {
            throw new PgClusterException(Reason.PlanStale, $"{daemon.Name} (pid {daemon.Pid}) has just ended") { Target = daemon.Name };
        }
    }
}
