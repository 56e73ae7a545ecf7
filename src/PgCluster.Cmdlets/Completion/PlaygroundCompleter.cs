using PgCluster.Playground;

namespace PgCluster.Cmdlets;

/// <summary>Names of the playgrounds of this machine: a look at a directory.</summary>
public sealed class PlaygroundCompleter : NameCompleter
{
    /// <inheritdoc/>
    private protected override IEnumerable<string> Names(RunspaceSessions state, PgClusterSession? session)
    {
        try
        {
            return state.Playgrounds.Concat(new PlaygroundManager().ListAsync(CancellationToken.None).GetAwaiter().GetResult().Select(p => p.Name));
        }
        catch (Exception e) when (e is PgClusterException or IOException or UnauthorizedAccessException)
        {
            return state.Playgrounds;
        }
    }
}
