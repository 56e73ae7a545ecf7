using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Get-PgClusterNode</c>: the nodes; one that does not answer is a row with a state.</summary>
[Cmdlet(VerbsCommon.Get, "PgClusterNode")]
[OutputType(typeof(ClusterNode))]
public sealed class GetPgClusterNodeCommand : ClusterCmdlet
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
        pipeline.Verbose($"Asking the agents of cluster '{Session.Cluster}'.");
        var (found, missing) = NamePattern.Select(await Cluster.GetNodesAsync(cancellationToken), NamesBelow(Name), n => n.Name);
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
