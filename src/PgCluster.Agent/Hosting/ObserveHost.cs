using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.Peers;
using PgCluster.Agent.Services;
using PgCluster.Client;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Health;
using PgCluster.Engine.Membership;

namespace PgCluster.Agent.Hosting;

/// <summary><c>pgcluster observe</c>: one more vote on the nodes' health, from a host without a PostgreSQL.</summary>
internal static class ObserveHost
{
    public static async Task<int> RunAsync(LoadedConfig loaded, string name, HostPort? http, CancellationToken cancellationToken)
    {
        var time = TimeProvider.System;
        using var signals = new StopSignals(cancellationToken);
        using var logs = Daemon.CreateLogs();
        var store = new EtcdStore(StoreOptions.From(loaded.Config), time, logs.CreateLogger<EtcdStore>());
        await using var _ = store.ConfigureAwait(false);
        while (!signals.Token.IsCancellationRequested)
        {
            var membership = new ClusterMembership(loaded.Config, await ReadMembersAsync(store, signals.Token).ConfigureAwait(false));
            ObserverName.Check(name, membership.Config);
            await RunAsync(name, http, membership, store, time, logs, signals.Token).ConfigureAwait(false);
        }

        return 0;
    }

    /// <summary>Observes until the cluster's nodes have changed, or the token ends it.</summary>
    private static async Task RunAsync(
        string name, HostPort? http, ClusterMembership membership, EtcdStore store, TimeProvider time, ILoggerFactory logs, CancellationToken cancellationToken)
    {
        var config = membership.Config;
        var app = Daemon.CreateBuilder(null, http, config.Tls).Build();
        await using (app.ConfigureAwait(false))
        {
            using var peers = new GrpcClusterPeers(config, time);
            var monitor = new HealthMonitor(name, config, store, peers, time, logs.CreateLogger<HealthMonitor>());
            var watch = new HealthWatch(config, store, time, logs.CreateLogger<HealthWatch>());
            if (http is not null)
            {
                new ObserverEndpoints(monitor, new HealthGauges(monitor, watch, config), config, name).Map(app);
            }

            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var changing = ChangeAsync();
            Task[] work = [monitor.RunAsync(stop.Token), watch.RunAsync(stop.Token)];
            try
            {
                await Daemon.RunUntilAsync(app, work, stop.Token).ConfigureAwait(false);
            }
            finally
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll([changing, .. work]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            async Task ChangeAsync()
            {
                await MemberWatch.WaitForChangeAsync(store, membership, config.Health.Interval, time, stop.Token).ConfigureAwait(false);
                await stop.CancelAsync().ConfigureAwait(false);
            }
        }
    }

    private static async Task<Members> ReadMembersAsync(EtcdStore store, CancellationToken cancellationToken)
    {
        try
        {
            return await Members.ReadAsync(store, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException)
        {
            // The file has nodes to look at until the store answers; votes go through the store anyway.
            return Members.Unread;
        }
    }
}
