namespace PgCluster.Tests.Integration.Failover;

/// <summary>A cluster whose leader may go on without etcd, with the shortest lease.</summary>
public sealed class FailsafeLab : ClusterLab
{
    protected override Dictionary<string, string> Settings => new() { ["leader.failsafe"] = "true", ["leader.ttl"] = "3s", ["etcd.timeout"] = "1s" };
}
