using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Resume-PgCluster</c>: ends a suspension early.</summary>
[Cmdlet(VerbsLifecycle.Resume, "PgCluster", SupportsShouldProcess = true)]
[OutputType(typeof(ClusterSuspension))]
public sealed class ResumePgClusterCommand : ClusterCmdlet
{
    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var change = $"Resume automatic failover of cluster '{Session.Cluster}'";
        if (!(await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Resume-PgCluster")).Yes)
        {
            return;
        }

        if (await Cluster.ResumeAsync(Caller.Name, cancellationToken) is { } ended)
        {
            await pipeline.WriteAsync(ended);
        }
        else
        {
            pipeline.Verbose($"Cluster '{Session.Cluster}' was not suspended.");
        }
    }
}
