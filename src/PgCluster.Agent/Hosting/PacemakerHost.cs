using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.Pacemaker;
using PgCluster.Adapters.Peers;
using PgCluster.Adapters.Postgres;
using PgCluster.Agent.Services;
using PgCluster.Client;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Health;
using PgCluster.Engine.Pacemaker;

namespace PgCluster.Agent.Hosting;

/// <summary><c>pgcluster supervise</c> where Pacemaker is the manager: the agent of one node, keeper of the poolers whose keeper is this agent. Its nodes are those of the file.</summary>
internal static class PacemakerHost
{
    public static async Task<int> RunAsync(LoadedConfig loaded, NodeConfig self, bool rehearses, CancellationToken cancellationToken)
    {
        var (config, time) = (loaded.Config, TimeProvider.System);
        using var signals = new StopSignals(cancellationToken);
        using var logs = Daemon.CreateLogs();
        var store = new EtcdStore(StoreOptions.From(config), time, logs.CreateLogger<EtcdStore>());
        await using var _ = store.ConfigureAwait(false);
        var pacemaker = new PacemakerTools(config.Pacemaker, time);
        self = await PacemakerDataDirectory.CompleteAsync(self, pacemaker, config.Pacemaker, time, logs.CreateLogger<PacemakerSupervisor>(), signals.Token).ConfigureAwait(false);
        var parts = new NodeParts(time, logs);
        await using var __ = parts.ConfigureAwait(false);
        await parts.UseAsync(config, self).ConfigureAwait(false);
        var handoff = await DaemonHandoff.StartAsync(config, $"supervise-{self.Name}", rehearses, time, logs.CreateLogger<DaemonHandoff>(), signals.Token).ConfigureAwait(false);
        await using var ___ = handoff.ConfigureAwait(false);
        while (!signals.Token.IsCancellationRequested)
        {
            var attempt = handoff.Next;
            await RunAsync(loaded, self, store, pacemaker, parts, handoff, attempt, time, logs, signals.Token).ConfigureAwait(false);
            if (attempt.Asked.IsCancellationRequested && await handoff.GiveAsync(attempt, parts.Poolers, parts.Memory, signals.Token).ConfigureAwait(false))
            {
                await parts.DisposeAsync().ConfigureAwait(false);
                await handoff.EndStreamsAsync(signals.Token).ConfigureAwait(false);
                break;
            }
        }

        return 0;
    }

    /// <summary>Works until a successor asks for the work, or the token ends it.</summary>
    private static async Task RunAsync(
        LoadedConfig loaded, NodeConfig self, EtcdStore store, PacemakerTools pacemaker, NodeParts parts, DaemonHandoff handoff, HandoffAttempt attempt, TimeProvider time, ILoggerFactory logs,
        CancellationToken cancellationToken)
    {
        var config = loaded.Config;
        var server = DaemonServer.Create(self.Agent, self.Http, config.Tls, handoff, time);
        await using var _ = server.ConfigureAwait(false);
        var pgcmListener = new PgcmListener(self, handoff, time);
        await using var __ = pgcmListener.ConfigureAwait(false);
        await handoff.ReadyAsync(cancellationToken).ConfigureAwait(false);
        handoff.Orders.DrainAsync = server.UntilUnusedAsync;
        if (handoff.TakeInherited() is { } inherited)
        {
            parts.GoOnFrom(inherited);
        }

        handoff.UntilAtRest = server.UntilAtRestAsync;
        var app = server.App;
        var servers = new ServerProbe(config, time);
        await using var ___ = servers.ConfigureAwait(false);
        using var peers = new GrpcClusterPeers(config, time);
        var consensus = new HealthWatch(config, store, time, logs.CreateLogger<HealthWatch>());
        var node = new PacemakerSupervisor(
            self, config, parts.Server, servers, pacemaker, store, time, logs.CreateLogger<PacemakerSupervisor>(), ProductVersion.Text, Environment.MachineName);
        await using var ____ = node.ConfigureAwait(false);
        var health = new HealthMonitor(self.Name, config, store, peers, time, logs.CreateLogger<HealthMonitor>());

        var map = server.MapGrpc().MapDaemonKeeper(handoff).MapNodeAgent(node.Commands).MapPacemakerAgent(node.Commands).MapPoolerKeeper(parts.Poolers);
        var pgcm = new PgcmFailoverService(parts.Poolers, new PacemakerMigration(node.Commands), time);
        pgcm.Map(map);
        new NodeEndpoints(node, parts.Poolers, health, new HealthGauges(health, consensus, config), config.Name, self.Name, loaded.File).Map(app);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] work =
        [
            node.RunAsync(stop.Token),
            health.RunAsync(stop.Token),
            consensus.RunAsync(stop.Token),
            pgcmListener.RunAsync(pgcm, stop.Token, attempt.Asked),
            .. parts.Poolers.Select(p => KeptPoolers.ServeAsync(p, config, store, time, logs, stop.Token)),
        ];
        try
        {
            await server.RunUntilAsync(work, stop.Token, attempt.Asked).ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
