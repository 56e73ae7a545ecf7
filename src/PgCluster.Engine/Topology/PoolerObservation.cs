using PgCluster.Engine.Pooling;

namespace PgCluster.Engine.Topology;

/// <summary>One pooler at the moment of a view.</summary>
/// <param name="Pooler">As its keeper sees it.</param>
/// <param name="Proxy">What its proxy last published; null when no proxy is alive.</param>
/// <param name="Configured">True when the configuration names it, false when it only registered itself.</param>
public sealed record PoolerObservation(PoolerInfo Pooler, ProxyReport? Proxy, bool Configured)
{
    /// <summary>The pooler's name.</summary>
    public string Name => Pooler.Name;
}
