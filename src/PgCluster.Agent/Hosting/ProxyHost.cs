using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.PgBouncer;
using PgCluster.Agent.Services;
using PgCluster.Client;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Topology;

namespace PgCluster.Agent.Hosting;

/// <summary><c>pgcluster proxy</c>: keeps one PgBouncer pointed to the primary, and keeps its pauses when no agent does.</summary>
internal static class ProxyHost
{
    public static async Task<int> RunAsync(LoadedConfig loaded, string poolerName, bool rehearses, CancellationToken cancellationToken)
    {
        var config = loaded.Config;
        var pooler = config.Poolers.FirstOrDefault(p => p.Name == poolerName) ?? throw new PgClusterException(
            Reason.PoolerNotFound, $"no pooler is named {poolerName}; the configuration has {string.Join(", ", config.Poolers.Select(p => p.Name))}") { Target = poolerName };
        var time = TimeProvider.System;
        using var signals = new StopSignals(cancellationToken);
        using var logs = Daemon.CreateLogs();
        var store = new EtcdStore(StoreOptions.From(config), time, logs.CreateLogger<EtcdStore>());
        await using var _ = store.ConfigureAwait(false);

        // A pooler beside a node is kept by the node's agent, every other by its own proxy: each has exactly one keeper.
        KeptPooler[] kept = config.Nodes.All(n => n.Agent != pooler.Keeper) ? [new KeptPooler(config, pooler, time, logs)] : [];
        try
        {
            var handoff = await DaemonHandoff.StartAsync(config, $"proxy-{poolerName}", rehearses, time, logs.CreateLogger<DaemonHandoff>(), signals.Token).ConfigureAwait(false);
            await using var __ = handoff.ConfigureAwait(false);
            while (!signals.Token.IsCancellationRequested)
            {
                var attempt = handoff.Next;
                await RunAsync(config, pooler, kept, store, handoff, attempt, time, logs, signals.Token).ConfigureAwait(false);
                if (attempt.Asked.IsCancellationRequested && await handoff.GiveAsync(attempt, kept, null, signals.Token).ConfigureAwait(false))
                {
                    await handoff.EndStreamsAsync(signals.Token).ConfigureAwait(false);
                    break;
                }
            }

            return 0;
        }
        finally
        {
            foreach (var one in kept)
            {
                await one.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>Works until a successor asks for the work, or the token ends it.</summary>
    private static async Task RunAsync(
        ClusterConfig config, PoolerConfig pooler, KeptPooler[] kept, EtcdStore store, DaemonHandoff handoff, HandoffAttempt attempt, TimeProvider time, ILoggerFactory logs, CancellationToken cancellationToken)
    {
        var server = DaemonServer.Create(kept.Length > 0 ? pooler.Keeper : null, null, config.Tls, handoff, time);
        await using var _ = server.ConfigureAwait(false);
        await handoff.ReadyAsync(cancellationToken).ConfigureAwait(false);
        handoff.Orders.DrainAsync = server.UntilUnusedAsync;
        if (handoff.TakeInherited() is { } inherited)
        {
            KeptPoolers.GoOnFrom(kept, inherited);
        }

        handoff.UntilAtRest = server.UntilAtRestAsync;
        var console = KeptPooler.OpenConsole(pooler, time);
        await using var __ = console.ConfigureAwait(false);
        var follower = new PoolerFollower(
            pooler.Name, console, new PoolerTemplate(pooler.TemplateFile, pooler.ConfigFile, config.Postgres.Database),
            new PoolerFollowerOptions { PoolerTimeout = config.Proxy.PoolerTimeout, RetryInterval = config.Proxy.RetryInterval },
            time, logs.CreateLogger<PoolerFollower>());
        var stream = new PrimaryKeyStream(
            store, [config.Etcd.PrimaryKey, StoreKeys.Redirect], config.Proxy.PollInterval, config.Proxy.GetTimeout,
            time, logs.CreateLogger<PrimaryKeyStream>());
        var report = new LeasedKey(
            store, StoreKeys.Proxies + pooler.Name, config.Agent.StateTtl, TimeSpan.FromMilliseconds(200), time, logs.CreateLogger<LeasedKey>());
        if (kept.Length > 0)
        {
            server.MapGrpc().MapDaemonKeeper(handoff).MapPoolerKeeper(kept);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] work =
        [
            follower.RunAsync(stream.ReadAllAsync(stop.Token).AsWantedTargets(config.Etcd.PrimaryKey, CancellationToken.None), stop.Token),
            report.RunAsync(() => Describe(pooler.Name, follower.State), stop.Token),
            .. kept.Select(k => KeptPoolers.ServeAsync(k, config, store, time, logs, stop.Token)),
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

    private static string Describe(string pooler, PoolerFollowerState state) =>
        new ProxyReport(
            pooler, state.Revision, state.Target?.Address.ToString(), state.LastError, ProductVersion.Text, state.Rehearsed, state.Objection).ToJson();
}
