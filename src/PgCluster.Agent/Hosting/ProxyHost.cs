using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.PgBouncer;
using PgCluster.Agent.Grpc;
using PgCluster.Agent.Services;
using PgCluster.Client;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Topology;

namespace PgCluster.Agent.Hosting;

/// <summary><c>pgcluster proxy</c>: keeps one PgBouncer pointed to the primary, and keeps its pauses when no agent does.</summary>
internal static class ProxyHost
{
    public static async Task<int> RunAsync(LoadedConfig loaded, string poolerName, CancellationToken cancellationToken)
    {
        var config = loaded.Config;
        var pooler = config.Poolers.FirstOrDefault(p => p.Name == poolerName) ?? throw new PgClusterException(
            Reason.PoolerNotFound, $"no pooler is named {poolerName}; the configuration has {string.Join(", ", config.Poolers.Select(p => p.Name))}") { Target = poolerName };
        var time = TimeProvider.System;

        // A pooler beside a node is kept by the node's agent, every other by its own proxy: each has exactly one keeper.
        var keptHere = config.Nodes.All(n => n.Agent != pooler.Keeper);
        var app = Daemon.CreateBuilder(keptHere ? pooler.Keeper : null, null, config.Tls).Build();
        await using (app.ConfigureAwait(false))
        {
            var logs = app.Services.GetRequiredService<ILoggerFactory>();
            var store = new EtcdStore(StoreOptions.From(config), time, logs.CreateLogger<EtcdStore>());
            await using var _ = store.ConfigureAwait(false);
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
            var kept = keptHere ? new KeptPooler(config, pooler, time, logs) : null;
            if (kept is not null)
            {
                app.MapGrpc(new GrpcServerOptions { TimeProvider = time }).MapPoolerKeeper([kept]);
            }

            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Task[] work =
            [
                follower.RunAsync(stream.ReadAllAsync(stop.Token).AsWantedTargets(config.Etcd.PrimaryKey, CancellationToken.None), stop.Token),
                report.RunAsync(() => Describe(pooler.Name, follower.State), stop.Token),
                kept is null ? Task.CompletedTask : KeptPoolers.ServeAsync(kept, config, store, time, logs, stop.Token),
            ];
            try
            {
                return await Daemon.RunAsync(app, work, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (kept is not null)
                {
                    await kept.DisposeAsync().ConfigureAwait(false);
                }
            }
        }
    }

    private static string Describe(string pooler, PoolerFollowerState state) =>
        new ProxyReport(
            pooler, state.Revision, state.Target?.Address.ToString(), state.LastError, ProductVersion.Text, state.Rehearsed, state.Objection).ToJson();
}
