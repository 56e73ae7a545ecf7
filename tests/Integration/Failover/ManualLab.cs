namespace PgCluster.Tests.Integration.Failover;

/// <summary>A cluster in which nobody takes over by himself.</summary>
public sealed class ManualLab : ClusterLab
{
    protected override Dictionary<string, string> Settings => new() { ["failover.mode"] = "manual", ["leader.ttl"] = "3s", ["etcd.timeout"] = "1s" };
}
