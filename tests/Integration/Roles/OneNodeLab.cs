using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>One node, whose agent hands over when it is asked to stop. There is no standby that a commit could wait for.</summary>
public sealed class OneNodeLab : ClusterLab
{
    protected override int Nodes => 1;

    protected override bool Synchronous => false;

    protected override Dictionary<string, string> Settings => new()
    {
        ["synchronous.mode"] = "performance",
        ["agent.handover_on_stop"] = "true",
        ["etcd.timeout"] = "8s",
        ["failover.lock_timeout"] = "20s",
    };
}
