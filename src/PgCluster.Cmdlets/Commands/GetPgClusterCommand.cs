using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Get-PgCluster</c>: the cluster at a glance.</summary>
[Cmdlet(VerbsCommon.Get, "PgCluster")]
[OutputType(typeof(ClusterSummary))]
public sealed class GetPgClusterCommand : ClusterCmdlet
{
    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken) =>
        await pipeline.WriteAsync(await Cluster.GetClusterAsync(cancellationToken));
}
