namespace PgCluster.Cmdlets;

/// <summary>Names of the poolers of the connected cluster, registered ones as far as they were seen.</summary>
public sealed class PoolerCompleter : NameCompleter
{
    /// <inheritdoc/>
    private protected override IEnumerable<string> Names(RunspaceSessions state, PgClusterSession? session) => session?.KnownPoolers ?? [];
}
