using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Get-PgSyncedNode</c>: a node to read from that is as far as the read needs.</summary>
[Cmdlet(VerbsCommon.Get, "PgSyncedNode")]
[OutputType(typeof(SyncedNode))]
public sealed class GetPgSyncedNodeCommand : ClusterCmdlet
{
    /// <summary>Bytes of WAL it may have left to replay.</summary>
    [Parameter]
    [ValidateRange(0, long.MaxValue)]
    public long? MaxLagBytes { get; set; }

    /// <summary>Seconds its last replayed commit may be old while WAL is outstanding.</summary>
    [Parameter]
    [ValidateRange(0.0, 86400.0)]
    public double? MaxLagSec { get; set; }

    /// <summary>A position it has to have replayed.</summary>
    [Parameter]
    public Lsn? PastLsn { get; set; }

    /// <summary>The primary and nobody else.</summary>
    [Parameter]
    public SwitchParameter ForcePrimary { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        pipeline.Verbose($"Looking at the nodes of cluster '{Session.Cluster}'.");
        var node = await Cluster.FindReadNodeAsync(
            new ReadRequest
            {
                MaxLagBytes = MaxLagBytes,
                MaxLag = MaxLagSec is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
                PastLsn = PastLsn,
                ForcePrimary = ForcePrimary,
            },
            cancellationToken);
        pipeline.Verbose($"Node '{node.Name}': {node.Evidence}.");
        await pipeline.WriteAsync(node);
    }
}
