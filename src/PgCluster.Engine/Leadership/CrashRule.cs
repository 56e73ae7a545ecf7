using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;

namespace PgCluster.Engine.Leadership;

/// <summary>What becomes of a leader whose PostgreSQL died under a living agent.</summary>
public static class CrashRule
{
    /// <summary>
    /// True when it hands over at once. By default that is when a standby was synchronous, so that somebody has every acknowledged commit; never
    /// when there is nobody to hand over to.
    /// </summary>
    /// <param name="config">The cluster.</param>
    /// <param name="self">The node.</param>
    /// <param name="policy">The synchronous policy on record.</param>
    /// <param name="last">The server as it was last seen serving; null when this agent has not seen that.</param>
    public static bool HandsOver(ClusterConfig config, NodeConfig self, SynchronousPolicyRecord? policy, PostgresStatus? last)
    {
        ArgumentNullException.ThrowIfNull(config);
        var synchronous = last is null
            ? policy is { Count: > 0 }
            : policy is { Count: > 0 } && last.Standbys.Count(s => s.SyncState is SyncState.Sync or SyncState.Quorum) >= policy.Count;
        return AnotherMayTakeOver(config, self) && config.Failover.PrimaryCrash switch
        {
            CrashPolicy.Failover => true,
            CrashPolicy.Restart => false,
            _ => synchronous,
        };
    }

    /// <summary>True when another node could replace this one without a person: only then this one has to stop when it cannot renew its lease.</summary>
    public static bool AnotherMayTakeOver(ClusterConfig config, NodeConfig self)
    {
        ArgumentNullException.ThrowIfNull(config);
        return config.Failover.Mode == FailoverMode.Automatic && config.Nodes.Any(n => n.Name != self.Name && !n.NoFailover);
    }

    /// <summary>How long others may take to be elected before a leader that has handed over comes back in place: two rounds of votes.</summary>
    public static TimeSpan ChanceForOthers(ClusterConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return config.Failover.HealthCheckTimeout * 2;
    }
}
