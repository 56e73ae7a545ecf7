using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>Seven nodes: three vote, three are stand-bys and one is a spare, and agents hand over when they are asked to stop.</summary>
public sealed class SevenNodesLab : ClusterLab
{
    protected override int Nodes => 7;

    protected override Dictionary<string, string> Settings => new()
    {
        ["synchronous.mode"] = "availability",
        ["roles.adjustment_interval"] = "3s",
        ["agent.handover_on_stop"] = "true",
        ["etcd.timeout"] = "8s",
        ["failover.lock_timeout"] = "20s",
    };
}
