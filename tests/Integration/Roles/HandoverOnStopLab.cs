using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>Three nodes whose agents hand over when they are asked to stop.</summary>
public sealed class HandoverOnStopLab : ClusterLab
{
    protected override Dictionary<string, string> Settings => new()
    {
        ["synchronous.mode"] = "availability",
        ["agent.handover_on_stop"] = "true",

        // An agent that ended only when a pause of its own were over would not end in time.
        ["failover.pause_expiry"] = "10m",
        ["failover.lock_ttl"] = "15m",
        ["etcd.timeout"] = "8s",
        ["failover.lock_timeout"] = "20s",
        ["failover.follow_timeout"] = "1m",
    };
}
