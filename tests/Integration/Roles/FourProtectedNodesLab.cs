using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>Four nodes of which three vote, and whoever of them is lost stays a voter until another has its place.</summary>
public sealed class FourProtectedNodesLab : ClusterLab
{
    protected override int Nodes => 4;

    // None of these tests is about time, and a busy machine is slow.
    protected override Dictionary<string, string> Settings => new()
    {
        ["synchronous.mode"] = "protection",
        ["roles.adjustment_interval"] = "1h",
        ["etcd.timeout"] = "8s",
        ["leader.ttl"] = "2m",
        ["failover.lock_timeout"] = "20s",
    };
}
