using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Watch-PgCluster</c>: how the cluster stands and everything that happens to it, until stopped.</summary>
[Cmdlet(VerbsCommon.Watch, "PgCluster")]
[OutputType(typeof(ClusterEvent))]
public sealed class WatchPgClusterCommand : ClusterCmdlet
{
    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        pipeline.Verbose($"Watching cluster '{Session.Cluster}'.");
        await foreach (var one in Cluster.WatchAsync(cancellationToken))
        {
            await pipeline.WriteAsync(one);
        }
    }
}
