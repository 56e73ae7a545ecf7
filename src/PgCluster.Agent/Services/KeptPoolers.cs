using Microsoft.Extensions.Logging;
using PgCluster.Agent.Hosting;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Agent.Services;

/// <summary>What a keeper does for its pooler besides answering: resumes what a killed predecessor left paused, and registers it in the store with its last pause.</summary>
internal static class KeptPoolers
{
    /// <summary>What another process needs to go on with the pauses of these.</summary>
    public static async Task<IReadOnlyDictionary<string, KeptPause>> GiveAwayAsync(IEnumerable<KeptPooler> poolers, CancellationToken cancellationToken)
    {
        var pauses = new Dictionary<string, KeptPause>(StringComparer.Ordinal);
        foreach (var pooler in poolers)
        {
            pauses[pooler.Config.Name] = await pooler.Keeper.GiveAwayAsync(cancellationToken).ConfigureAwait(false);
        }

        return pauses;
    }

    /// <summary>The other process did not come to it.</summary>
    public static void TakeBack(IEnumerable<KeptPooler> poolers)
    {
        foreach (var pooler in poolers)
        {
            pooler.Keeper.TakeBack();
        }
    }

    /// <summary>Goes on with the pauses that another process had of these.</summary>
    public static void GoOnFrom(IEnumerable<KeptPooler> poolers, HandedState state)
    {
        foreach (var pooler in poolers)
        {
            if (state.Pauses.TryGetValue(pooler.Config.Name, out var pause))
            {
                pooler.Keeper.GoOnWith(pause);
            }
        }
    }

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
