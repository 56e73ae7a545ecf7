using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Watch-PgPrimary</c>: the primary now, each change of it, and every split brain, until stopped.</summary>
[Cmdlet(VerbsCommon.Watch, "PgPrimary")]
[OutputType(typeof(PrimaryChange))]
public sealed class WatchPgPrimaryCommand : ClusterCmdlet
{
    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        pipeline.Verbose($"Watching the primary of cluster '{Session.Cluster}'.");
        await foreach (var change in Cluster.WatchPrimaryAsync(pipeline.Warning, cancellationToken))
        {
            if (change.Kind == PrimaryChangeKind.SplitBrain)
            {
                pipeline.Warning($"Split brain in cluster '{Session.Cluster}': {change.Evidence}");
            }

            await pipeline.WriteAsync(change);
        }
    }
}
