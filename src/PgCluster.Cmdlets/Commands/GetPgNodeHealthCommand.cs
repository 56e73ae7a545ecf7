using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Get-PgNodeHealth</c>: each node's health as seen from here, as the observers agree, and as an administrator decided.</summary>
[Cmdlet(VerbsCommon.Get, "PgNodeHealth")]
[OutputType(typeof(NodeHealth))]
public sealed class GetPgNodeHealthCommand : ClusterCmdlet
{
    /// <summary>Names of nodes, wildcards allowed; all when not given.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Node")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string[]? Name { get; set; }

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        pipeline.Verbose($"Looking at the nodes of cluster '{Session.Cluster}' and waiting for its observers.");
        var (found, missing) = NamePattern.Select(await Cluster.GetNodeHealthAsync(cancellationToken), NamesBelow(Name), n => n.Name);
        foreach (var node in found)
        {
            await pipeline.WriteAsync(node);
        }

        foreach (var name in missing)
        {
            await pipeline.WriteErrorAsync(ErrorTable.ToRecord(new PgClusterException(
                PgCluster.Reason.NodeNotFound, $"Cluster '{Session.Cluster}' has no node '{name}'; it has {string.Join(", ", Session.Nodes)}.") { Target = name }));
        }
    }
}
