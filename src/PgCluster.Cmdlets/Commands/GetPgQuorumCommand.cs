using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Get-PgQuorum</c>: who votes on the nodes' health, how many are needed and who is missing.</summary>
[Cmdlet(VerbsCommon.Get, "PgQuorum")]
[OutputType(typeof(QuorumStatus))]
public sealed class GetPgQuorumCommand : ClusterCmdlet
{
    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        pipeline.Verbose($"Waiting for the observers of cluster '{Session.Cluster}'.");
        await pipeline.WriteAsync(await Cluster.GetQuorumAsync(cancellationToken));
    }
}
