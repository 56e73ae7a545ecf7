namespace PgCluster.Tests.Integration.Failover;

/// <summary>A cluster with the shortest lease of a leader.</summary>
public sealed class FastLeaderLab : ClusterLab
{
    protected override Dictionary<string, string> Settings => new() { ["leader.ttl"] = "3s", ["etcd.timeout"] = "1s" };
}
