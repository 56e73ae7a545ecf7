using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>Two nodes to which others come. Rounds are so far apart that what is seen to happen has happened at once.</summary>
public sealed class GrowingLab : ClusterLab
{
    protected override int Nodes => 2;

    // None of these tests is about time, and a busy machine is slow.
    protected override Dictionary<string, string> Settings => new()
    {
        ["synchronous.mode"] = "availability",
        ["roles.adjustment_interval"] = "1h",
        ["etcd.timeout"] = "8s",
        ["failover.lock_timeout"] = "20s",
    };
}
