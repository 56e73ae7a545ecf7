namespace PgCluster.Cmdlets;

/// <summary>Names of the playgrounds seen in this runspace.</summary>
public sealed class PlaygroundCompleter : NameCompleter
{
    /// <inheritdoc/>
    private protected override IEnumerable<string> Names(RunspaceSessions state, PgClusterSession? session) => state.Playgrounds;
}
