using PgCluster.Engine.Nodes;

namespace PgCluster.Engine.Election;

/// <summary>
/// Who holds the first election after a leader: a standby that commits waited for by name wins it as a rule, and another one's election at the same moment would ask every
/// node for a second vote while clients wait for the first. The others hold theirs a moment later, when nobody leads still.
/// </summary>
public static class ElectionTurn
{
    /// <summary>How long the others wait.</summary>
    public static readonly TimeSpan Courtesy = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a node waits before it holds an election.</summary>
    /// <param name="self">The node.</param>
    /// <param name="lost">The lost leader's server as its agent described it last; null when this node has not seen that.</param>
    public static TimeSpan WaitOf(string self, PostgresStatus? lost)
    {
        var synchronous = lost?.Standbys.Where(s => s.SyncState == SyncState.Sync).Select(s => s.Name).ToArray() ?? [];
        return synchronous.Length == 0 || synchronous.Contains(self, StringComparer.Ordinal) ? TimeSpan.Zero : Courtesy;
    }
}
