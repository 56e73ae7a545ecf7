namespace PgCluster.Tests.Integration.Failover;

/// <summary>A cluster whose commits wait for two standbys, whatever happens.</summary>
public sealed class ProtectionLab : ClusterLab
{
    protected override Dictionary<string, string> Settings => new()
    {
        ["synchronous.mode"] = "protection",
        ["synchronous.standbys"] = "2",
    };
}
