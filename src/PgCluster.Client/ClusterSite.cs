using PgCluster.Adapters.Peers;
using PgCluster.Adapters.Postgres;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Daemons;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Health;
using PgCluster.Engine.Maintenance;
using PgCluster.Engine.Rejoin;
using PgCluster.Engine.Restart;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Client;

/// <summary>A cluster with the nodes it had at one moment, and the ways to them.</summary>
internal sealed class ClusterSite : IAsyncDisposable
{
    public ClusterSite(ClusterConfig config, IClusterStore store, TimeProvider time)
    {
        Config = config;
        Peers = new GrpcClusterPeers(config, time);
        Observer = new ClusterObserver(store, Peers, config, time);
        Failover = new FailoverFlow(store, Peers, config, time);
        Repair = new RepairFlow(store, Peers, config, time);
        Restart = new RestartFlow(store, Peers, config, time);
        Suspension = new NodeSuspensionFlow(store, Peers, config, time);
        Daemons = new DaemonFlow(store, Peers, config, time);

        // The budget of asking an agent and not that of the observers: a process that has only just begun is slow at its first call, and would call everybody dead.
        Prober = new NodeProber(Peers, config, config.Failover.HealthCheckTimeout, time);
        Health = new HealthReader(store, config, time);
        Servers = new ServerProbe(config, time);
    }

    public ClusterConfig Config { get; }

    public GrpcClusterPeers Peers { get; }

    public ClusterObserver Observer { get; }

    public FailoverFlow Failover { get; }

    public RepairFlow Repair { get; }

    public RestartFlow Restart { get; }

    public NodeSuspensionFlow Suspension { get; }

    public DaemonFlow Daemons { get; }

    public NodeProber Prober { get; }

    public HealthReader Health { get; }

    public ServerProbe Servers { get; }

    public async ValueTask DisposeAsync()
    {
        Peers.Dispose();
        await Servers.DisposeAsync().ConfigureAwait(false);
    }
}
