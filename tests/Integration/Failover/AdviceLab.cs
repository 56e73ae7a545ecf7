namespace PgCluster.Tests.Integration.Failover;

/// <summary>A cluster whose agents say what they would do and leave it to a person.</summary>
public sealed class AdviceLab : ClusterLab
{
    protected override Dictionary<string, string> Settings => new() { ["failover.mode"] = "advice", ["leader.ttl"] = "3s", ["etcd.timeout"] = "1s" };
}
