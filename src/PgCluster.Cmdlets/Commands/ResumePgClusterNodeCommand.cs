using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Resume-PgClusterNode</c>: puts a node back into service.</summary>
[Cmdlet(VerbsLifecycle.Resume, "PgClusterNode", SupportsShouldProcess = true)]
[OutputType(typeof(NodeSuspension))]
public sealed class ResumePgClusterNodeCommand : ClusterCmdlet
{
    /// <summary>The node to put back.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Node")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string Name { get; set; } = "";

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var change = $"Put node '{Name}' of cluster '{Session.Cluster}' back into service";
        if (!(await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Resume-PgClusterNode")).Yes)
        {
            return;
        }

        if (await Cluster.ResumeNodeAsync(Name, Caller.Name, cancellationToken) is { } ended)
        {
            await pipeline.WriteAsync(ended);
        }
        else
        {
            pipeline.Verbose($"Node '{Name}' of cluster '{Session.Cluster}' was in service.");
        }
    }
}
