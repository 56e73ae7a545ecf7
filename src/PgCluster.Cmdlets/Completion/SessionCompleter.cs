namespace PgCluster.Cmdlets;

/// <summary>Names of the clusters connected in this runspace.</summary>
public sealed class SessionCompleter : NameCompleter
{
    /// <inheritdoc/>
    private protected override IEnumerable<string> Names(RunspaceSessions state, PgClusterSession? session) => state.Open.Select(s => s.Cluster);
}
