using Microsoft.Extensions.Logging;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Agent.Services;

/// <summary>What a keeper does for its pooler besides answering: resumes what a killed predecessor left paused, and registers it in the store with its last pause.</summary>
internal static class KeptPoolers
{
    public static Task ServeAsync(
        KeptPooler pooler, ClusterConfig config, IClusterStore store, TimeProvider time, ILoggerFactory logs, CancellationToken cancellationToken)
    {
        var registration = new PoolerInfo
        {
            Cluster = config.Name,
            Name = pooler.Config.Name,
            Host = pooler.Config.Host,
            Port = pooler.Config.Port,
            Node = pooler.Config.Node.Length > 0 ? pooler.Config.Node : null,
            Keeper = pooler.Config.Keeper.ToString(),
        };
        var key = new LeasedKey(
            store, StoreKeys.Poolers + pooler.Config.Name, config.Agent.StateTtl, config.Agent.KeyRetryInterval, time, logs.CreateLogger<LeasedKey>());

        // Its last pause stands there too, so that whoever watches the store sees even one that is over at once.
        pooler.Keeper.Changed = key.Wake;
        return Task.WhenAll(
            pooler.Keeper.RecoverAsync(cancellationToken),
            key.RunAsync(() => PoolerRegistration.ToJson(registration with { LastPause = pooler.Keeper.Status.Last }), cancellationToken));
    }
}
