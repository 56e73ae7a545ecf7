using System.Globalization;
using System.Management.Automation;
using PgCluster.Cmdlets;

namespace PgCluster.Commands;

/// <summary><c>Wait-PgClusterNode</c>: waits until nodes are ready, and passes them on then.</summary>
[Cmdlet(VerbsLifecycle.Wait, "PgClusterNode")]
[OutputType(typeof(ClusterNode))]
public sealed class WaitPgClusterNodeCommand : ClusterCmdlet
{
    private const int ActivityId = 7303;

    // Nodes come one by one through the pipeline, and are waited for together. Null: all there are.
    private readonly Dictionary<PgClusterSession, HashSet<string>?> _chosen = [];

    /// <summary>Names of nodes, wildcards allowed; all when not given.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Node")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(NodeCompleter))]
    public string[]? Name { get; set; }

    /// <summary>What to wait for.</summary>
    [Parameter]
    public NodeCondition For { get; set; }

    /// <summary>How long.</summary>
    [Parameter]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <inheritdoc/>
    protected override async Task RunAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        var session = Session;
        if (NamesBelow(Name) is not { Length: > 0 } names)
        {
            _chosen[session] = null;
            return;
        }

        var (found, missing) = NamePattern.Select(await Cluster.GetNodeNamesAsync(cancellationToken), names, n => n);
        if (missing is [var unknown, ..])
        {
            throw new PgClusterException(Reason.NodeNotFound, $"Cluster '{session.Cluster}' has no node '{unknown}'; it has {string.Join(", ", session.Nodes)}.") { Target = unknown };
        }

        if (!_chosen.TryGetValue(session, out var chosen))
        {
            _chosen[session] = chosen = new HashSet<string>(StringComparer.Ordinal);
        }

        chosen?.UnionWith(found);
    }

    /// <inheritdoc/>
    protected override async Task EndAsync(CmdletPipeline pipeline, CancellationToken cancellationToken)
    {
        foreach (var (session, chosen) in _chosen)
        {
            if (chosen is { Count: 0 })
            {
                continue;
            }

            pipeline.Verbose($"Waiting for {(chosen is null ? "all nodes" : string.Join(", ", chosen))} of cluster '{session.Cluster}'.");
            foreach (var node in await session.Use().WaitForNodesAsync(chosen, For, Timeout, nodes => Show(pipeline, session.Cluster, nodes), cancellationToken))
            {
                await pipeline.WriteAsync(node);
            }
        }
    }

    private static void Show(CmdletPipeline pipeline, string cluster, IReadOnlyList<NodeReadiness> nodes)
    {
        var missing = nodes.Where(n => !n.IsReady).ToArray();
        pipeline.Progress(new ProgressRecord(
            ActivityId,
            $"Waiting for nodes of {cluster}",
            string.Create(CultureInfo.InvariantCulture, $"{nodes.Count - missing.Length} of {nodes.Count} are ready"))
        {
            CurrentOperation = string.Join("; ", missing.Select(n => n.ToString())),
            PercentComplete = nodes.Count == 0 ? -1 : (nodes.Count - missing.Length) * 100 / nodes.Count,
        });
    }
}
