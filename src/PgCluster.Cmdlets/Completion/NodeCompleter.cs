namespace PgCluster.Cmdlets;

/// <summary>Names of the nodes of the connected cluster.</summary>
public sealed class NodeCompleter : NameCompleter
{
    /// <inheritdoc/>
    private protected override IEnumerable<string> Names(RunspaceSessions state, PgClusterSession? session) => session?.Nodes ?? [];
}
