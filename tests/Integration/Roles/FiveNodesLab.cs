using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>Five nodes of which three vote.</summary>
public sealed class FiveNodesLab : ClusterLab
{
    protected override int Nodes => 5;

    // None of these tests is about time, and a busy machine is slow.
    protected override Dictionary<string, string> Settings => new()
    {
        ["synchronous.mode"] = "availability",
        ["etcd.timeout"] = "8s",
        ["failover.lock_timeout"] = "20s",
        ["failover.follow_timeout"] = "1m",
    };
}
