namespace PgCluster.Tests.Integration.Failover;

/// <summary>A cluster whose leader names one synchronous standby, while there is one.</summary>
public sealed class AvailabilityLab : ClusterLab
{
    protected override Dictionary<string, string> Settings => new()
    {
        ["synchronous.mode"] = "availability",
        ["synchronous.method"] = "first",
    };
}
