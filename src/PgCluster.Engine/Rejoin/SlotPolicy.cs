using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;

namespace PgCluster.Engine.Rejoin;

/// <summary>Which physical slots a server keeps, and through which one a standby streams.</summary>
public static class SlotPolicy
{
    /// <summary>
    /// The nodes for which this server keeps WAL: every other one. A leader leaves out who does not stream and would make it keep more than the limit, until he streams
    /// again: a disk that is full is worse than a new copy.
    /// </summary>
    /// <param name="config">The cluster.</param>
    /// <param name="self">The node.</param>
    /// <param name="server">Its server.</param>
    /// <param name="givenUp">Who was left out before.</param>
    public static IReadOnlyList<string> Kept(ClusterConfig config, string self, PostgresStatus server, IReadOnlySet<string> givenUp)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(givenUp);
        return !config.Rejoin.Slots ? [] : [.. config.Nodes.Select(n => n.Name).Where(n => n != self && !IsTooFarBehind(n))];

        bool IsTooFarBehind(string node)
        {
            if (server.Role != NodeRole.Primary || server.Standbys.Any(s => s.Name == node))
            {
                return false;
            }

            var slot = server.Slots.FirstOrDefault(s => !s.Logical && s.Name == SlotName.Of(node));
            return slot is null ? givenUp.Contains(node) : !slot.Active && server.Lsn is { } written && slot.RestartLsn is { } at && at.BytesBehind(written) > config.Rejoin.SlotWalLimit;
        }
    }

    /// <summary>True when the server's slots are not those of <paramref name="kept"/>.</summary>
    public static bool Differ(PostgresStatus server, IReadOnlyCollection<string> kept)
    {
        ArgumentNullException.ThrowIfNull(server);
        var there = server.Slots.Where(s => !s.Logical && s.Name.StartsWith(SlotName.Prefix, StringComparison.Ordinal)).ToArray();
        return there.Any(s => s.RestartLsn is null) || !there.Select(s => s.Name).ToHashSet(StringComparer.Ordinal).SetEquals(kept.Select(SlotName.Of));
    }

    /// <summary>
    /// The slot of the leader that <paramref name="self"/> is to stream through, when the leader keeps one for it; empty for none, for a slot that is not there ends
    /// streaming. Null, as it is, where an operator has set one that is none of ours.
    /// </summary>
    public static string? ToStreamThrough(ClusterConfig config, string self, PostgresStatus server, IReadOnlyList<ReplicationSlot> leaderSlots)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(leaderSlots);
        var own = SlotName.Of(self);
        return HasForeignSlot(server) ? null
            : config.Rejoin.Slots && leaderSlots.Any(s => !s.Logical && s.Name == own && s.RestartLsn is not null) ? own
            : "";
    }

    /// <summary>True when the standby streams through a slot that is none of ours, which stays as it is.</summary>
    public static bool HasForeignSlot(PostgresStatus server)
    {
        ArgumentNullException.ThrowIfNull(server);
        return server.UpstreamSlot is { Length: > 0 } present && !present.StartsWith(SlotName.Prefix, StringComparison.Ordinal);
    }
}
