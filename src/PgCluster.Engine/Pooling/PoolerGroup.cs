using System.Collections.Concurrent;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pooling;

/// <summary>The poolers of a cluster by name, and what is done to several of them at once through their keepers.</summary>
internal sealed class PoolerGroup
{
    private readonly IClusterPeers _peers;
    private readonly IReadOnlyDictionary<string, string> _keepers;

    private PoolerGroup(IClusterPeers peers, IReadOnlyDictionary<string, string> keepers)
    {
        _peers = peers;
        _keepers = keepers;
    }

    /// <summary>Every pooler's name.</summary>
    public IReadOnlyCollection<string> Names => [.. _keepers.Keys.Order(StringComparer.Ordinal)];

    /// <summary>No pooler at all.</summary>
    public static PoolerGroup None(IClusterPeers peers) => new(peers, new Dictionary<string, string>());

    /// <summary>Those of the configuration and those that registered themselves, whose word counts.</summary>
    public static async Task<PoolerGroup> FindAsync(IClusterStore store, IClusterPeers peers, ClusterConfig config, CancellationToken cancellationToken)
    {
        var registered = await store.ListAsync(StoreKeys.Poolers, cancellationToken).ConfigureAwait(false);
        return new PoolerGroup(peers, config.Poolers.Select(p => (p.Name, Keeper: p.Keeper.ToString()))
            .Concat(registered.Entries.Select(e => PoolerRegistration.FromJson(e.Value)).OfType<PoolerInfo>().Select(p => (p.Name, p.Keeper)))
            .GroupBy(p => p.Name, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Last().Keeper, StringComparer.Ordinal));
    }

    /// <summary>The keeper of one.</summary>
    public IPoolerKeeper Keeper(string pooler) => _peers.Pooler(pooler, _keepers.TryGetValue(pooler, out var keeper) ? keeper : throw new PgClusterException(
        Reason.PoolerNotFound, $"no pooler is named {pooler}") { Target = pooler });

    /// <summary>Pauses them under leases of that id, within the budgets of a failover.</summary>
    public Task PauseAsync(IReadOnlyCollection<string> poolers, string leaseId, string holder, FailoverConfig options, CancellationToken cancellationToken) =>
        AtOnce.EachAsync(poolers, name => Keeper(name).PauseAsync(leaseId, holder, options.PauseTimeout, options.PauseExpiry, cancellationToken));

    /// <summary>Ends the pauses of that id.</summary>
    public Task ResumeAsync(IReadOnlyCollection<string> poolers, string leaseId, CancellationToken cancellationToken) =>
        AtOnce.EachAsync(poolers, name => Keeper(name).ResumeAsync(leaseId, cancellationToken));

    /// <summary>Returns when each pooler itself says that it leads there; with the names of those whose keeper cannot tell.</summary>
    public async Task<IReadOnlyList<string>> ConfirmTargetAsync(IReadOnlyCollection<string> poolers, PoolerTarget target, CancellationToken cancellationToken)
    {
        var unseen = new ConcurrentBag<string>();
        await AtOnce.EachAsync(poolers, async name =>
        {
            if (!await Keeper(name).ConfirmTargetAsync(target, cancellationToken).ConfigureAwait(false))
            {
                unseen.Add(name);
            }
        }).ConfigureAwait(false);
        return [.. unseen.Order(StringComparer.Ordinal)];
    }
}
