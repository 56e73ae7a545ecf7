using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Membership;

/// <summary>A cluster whose leader names the synchronous standbys, to which nodes come and from which they go.</summary>
public sealed class MembersLab : ClusterLab
{
    // None of these tests is about time, and a busy machine is slow.
    protected override Dictionary<string, string> Settings => new()
    {
        ["synchronous.mode"] = "availability",
        ["roles.voters"] = "4",
        ["etcd.timeout"] = "8s",
        ["failover.lock_timeout"] = "20s",
    };
}
