using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.Peers;
using PgCluster.Adapters.Postgres;
using PgCluster.Agent.Grpc;
using PgCluster.Agent.Services;
using PgCluster.Client;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;

namespace PgCluster.Agent.Hosting;

/// <summary><c>pgcluster supervise</c>: the agent of one node, keeper of the poolers whose keeper is this agent.</summary>
internal static class SuperviseHost
{
    public static async Task<int> RunAsync(LoadedConfig loaded, string nodeName, CancellationToken cancellationToken)
    {
        var config = loaded.Config;
        var self = config.Nodes.FirstOrDefault(n => n.Name == nodeName) ?? throw new PgClusterException(
            Reason.NodeNotFound, $"no node is named {nodeName}; the configuration has {string.Join(", ", config.Nodes.Select(n => n.Name))}") { Target = nodeName };
        if (self.DataDirectory.Length == 0)
        {
            throw new PgClusterException(Reason.InvalidConfiguration, $"node {nodeName} has no data_directory; its agent needs one") { Target = nodeName };
        }

        var time = TimeProvider.System;
        var builder = Daemon.CreateBuilder(self.Agent, self.Http, config.Tls);
        var app = builder.Build();
        await using (app.ConfigureAwait(false))
        {
            var logs = app.Services.GetRequiredService<ILoggerFactory>();
            var store = new EtcdStore(StoreOptions.From(config), time, logs.CreateLogger<EtcdStore>());
            await using var _ = store.ConfigureAwait(false);
            using var peers = new GrpcClusterPeers(config, time);
            var server = new LocalPostgresServer(ServerOptions(config, self), time, logs.CreateLogger<LocalPostgresServer>());
            await using var __ = server.ConfigureAwait(false);
            var node = new NodeSupervisor(self, config, server, store, time, logs.CreateLogger<NodeSupervisor>(), ProductVersion.Text);
            await using var ___ = node.ConfigureAwait(false);
            var poolers = config.Poolers.Where(p => p.Keeper == self.Agent).Select(p => new KeptPooler(config, p, time, logs)).ToArray();

            var map = app.MapGrpc(new GrpcServerOptions { TimeProvider = time }).MapNodeAgent(node).MapPoolerKeeper(poolers);
            new PgcmFailoverService(config, poolers, store, new FailoverFlow(store, peers, config, time), time).Map(map);
            new NodeEndpoints(node, poolers, config.Name, self.Name, loaded.File).Map(app);

            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Task[] work =
            [
                node.RunAsync(stop.Token),
                .. poolers.Select(p => KeptPoolers.ServeAsync(p, config, store, time, logs, stop.Token)),
            ];
            try
            {
                return await Daemon.RunAsync(app, work, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                foreach (var pooler in poolers)
                {
                    await pooler.DisposeAsync().ConfigureAwait(false);
                }
            }
        }
    }

    private static LocalPostgresOptions ServerOptions(ClusterConfig config, NodeConfig self) => new()
    {
        NodeName = self.Name,
        Host = self.Host,
        Port = self.Port,
        DataDirectory = self.DataDirectory,
        BinDirectory = config.Postgres.BinDirectory,
        LogFile = self.LogFile,
        User = config.Postgres.User,
        Database = config.Postgres.Database,
        PassFile = config.Postgres.PasswordFile,
        ReplicationUser = config.Postgres.ReplicationUser,
        ConnectTimeout = config.Postgres.ConnectTimeout,
    };
}
