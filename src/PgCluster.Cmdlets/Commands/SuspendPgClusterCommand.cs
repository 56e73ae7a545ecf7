using System.Globalization;
using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Suspend-PgCluster</c>: for a while, nobody replaces a lost primary by himself.</summary>
[Cmdlet(VerbsLifecycle.Suspend, "PgCluster", SupportsShouldProcess = true)]
[OutputType(typeof(ClusterSuspension))]
public sealed class SuspendPgClusterCommand : ClusterCmdlet
{
    /// <summary>For how long; it ends by itself then.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public TimeSpan Duration { get; set; }

    /// <summary>Why; others are told.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ValidateNotNullOrEmpty]
    public string Reason { get; set; } = "";

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var change = string.Create(CultureInfo.InvariantCulture, $"Suspend automatic failover of cluster '{Session.Cluster}' for {Duration:c}: {Reason}");
        if ((await pipeline.ShouldProcessAsync(change, $"{change}\nDo you want to go on?", "Suspend-PgCluster")).Yes)
        {
            await pipeline.WriteAsync(await Cluster.SuspendAsync(Duration, Reason, Caller.Name, cancellationToken));
        }
    }
}
