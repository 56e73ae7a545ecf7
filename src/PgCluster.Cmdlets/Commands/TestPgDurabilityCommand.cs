using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Test-PgDurability</c>: whether every acknowledged commit would outlive a loss, with the proof or the counter-example.</summary>
[Cmdlet(VerbsDiagnostic.Test, "PgDurability")]
[OutputType(typeof(DurabilityVerdict))]
public sealed class TestPgDurabilityCommand : ClusterCmdlet
{
    /// <summary>What is lost at once.</summary>
    [Parameter(Position = 0)]
    public DurabilityScope Survive { get; set; } = DurabilityScope.Node;

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        pipeline.Verbose($"Holding elections on paper for each {Survive} of cluster '{Session.Cluster}'.");
        foreach (var verdict in await Cluster.TestDurabilityAsync(Survive, cancellationToken))
        {
            await pipeline.WriteAsync(verdict);
        }
    }
}
