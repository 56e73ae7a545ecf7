namespace PgCluster.Tests.Integration.Failover;

/// <summary>A cluster whose leader may be silent for as long as an agent takes to begin on the busiest machine.</summary>
public sealed class LongLeaseLab : ClusterLab
{
    protected override Dictionary<string, string> Settings => new() { ["leader.ttl"] = "2m" };
}
