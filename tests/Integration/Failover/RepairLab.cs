namespace PgCluster.Tests.Integration.Failover;

/// <summary>A cluster whose agents may neither rewind nor copy by themselves.</summary>
public sealed class RepairLab : ClusterLab
{
    protected override Dictionary<string, string> Settings => new() { ["rejoin.rewind"] = "false", ["rejoin.base_backup"] = "false" };
}
