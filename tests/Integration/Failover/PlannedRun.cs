using PgCluster.Client;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>A planned failover that has to succeed.</summary>
internal static class PlannedRun
{
    public static async Task<OperationReport> FailOverAsync(this ClusterLab lab, FailoverRequest request)
    {
        var plan = await lab.Cluster.PlanFailoverAsync(request, ClusterLab.Token);
        var report = await lab.Cluster.RunFailoverAsync(plan, request, null, ClusterLab.Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, $"{report.Error} {string.Join(" | ", report.Steps)}");
        return report;
    }
}
