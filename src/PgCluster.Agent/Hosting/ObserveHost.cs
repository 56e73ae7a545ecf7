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
    public static async Task<int> RunAsync(LoadedConfig loaded, string name, HostPort? http, bool rehearses, CancellationToken cancellationToken)
    {
        var time = TimeProvider.System;
        using var signals = new StopSignals(cancellationToken);
        using var logs = Daemon.CreateLogs();
        var store = new EtcdStore(StoreOptions.From(loaded.Config), time, logs.CreateLogger<EtcdStore>());
        await using var _ = store.ConfigureAwait(false);
        var handoff = await DaemonHandoff.StartAsync(loaded.Config, $"observe-{name}", rehearses, time, logs.CreateLogger<DaemonHandoff>(), signals.Token).ConfigureAwait(false);
        await using var __ = handoff.ConfigureAwait(false);
        while (!signals.Token.IsCancellationRequested)
        {
            var attempt = handoff.Next;
            var membership = new ClusterMembership(loaded.Config, await ReadMembersAsync(store, signals.Token).ConfigureAwait(false));
            ObserverName.Check(name, membership.Config);
            await RunAsync(name, http, membership, store, handoff, attempt, time, logs, signals.Token).ConfigureAwait(false);
            if (attempt.Asked.IsCancellationRequested && await handoff.GiveAsync(attempt, [], null, signals.Token).ConfigureAwait(false))
            {
                await handoff.EndStreamsAsync(signals.Token).ConfigureAwait(false);
                break;
            }
        }

        return 0;
    }

    /// <summary>Observes until the cluster's nodes have changed, a successor asks for the work, or the token ends it.</summary>
    private static async Task RunAsync(
        string name, HostPort? http, ClusterMembership membership, EtcdStore store, DaemonHandoff handoff, HandoffAttempt attempt, TimeProvider time, ILoggerFactory logs, CancellationToken cancellationToken)
    {
        var config = membership.Config;
        var server = DaemonServer.Create(null, http, config.Tls, handoff, time);
        await using (server.ConfigureAwait(false))
        {
            await handoff.ReadyAsync(cancellationToken).ConfigureAwait(false);
            handoff.Orders.DrainAsync = server.UntilUnusedAsync;
            handoff.UntilAtRest = server.UntilAtRestAsync;
            using var peers = new GrpcClusterPeers(config, time);
            var monitor = new HealthMonitor(name, config, store, peers, time, logs.CreateLogger<HealthMonitor>());
            var watch = new HealthWatch(config, store, time, logs.CreateLogger<HealthWatch>());
            if (http is not null)
            {
                new ObserverEndpoints(monitor, new HealthGauges(monitor, watch, config), config, name).Map(server.App);
            }

            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var changing = ChangeAsync();
            Task[] work = [monitor.RunAsync(stop.Token), watch.RunAsync(stop.Token)];
            try
            {
                await server.RunUntilAsync(work, stop.Token, attempt.Asked).ConfigureAwait(false);
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
