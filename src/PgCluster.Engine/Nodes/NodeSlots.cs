using PgCluster.Engine.Rejoin;

namespace PgCluster.Engine.Nodes;

/// <summary>Keeps a node's physical slots as <see cref="SlotPolicy"/> has them, so that no standby falls off a leader it has yet to meet.</summary>
internal sealed class NodeSlots
{
    // A slot on a standby is only there for the day it leads: what it keeps too much until the next time is a few segments.
    private static readonly TimeSpan BetweenAdvances = TimeSpan.FromSeconds(10);

    private readonly NodeContext _node;
    private readonly HashSet<string> _givenUp = new(StringComparer.Ordinal);
    private long _advancedAt;
    private bool _failed;

    public NodeSlots(NodeContext node) => _node = node;

    /// <summary>One look. What fails is logged once, and does not keep the agent from its work.</summary>
    /// <param name="server">The server, which runs.</param>
    /// <param name="leaderSlots">The leader's slots; null when this node leads, or nobody does.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task TurnAsync(PostgresStatus server, IReadOnlyList<ReplicationSlot>? leaderSlots, CancellationToken cancellationToken)
    {
        var kept = SlotPolicy.Kept(_node.Config, _node.Self.Name, server, _givenUp);
        foreach (var node in _node.Config.Nodes.Where(n => n.Name != _node.Self.Name && _node.Config.Rejoin.Slots))
        {
            if (kept.Contains(node.Name))
            {
                _givenUp.Remove(node.Name);
            }
            else if (_givenUp.Add(node.Name))
            {
                NodeLog.SlotGivenUp(_node.Logger, node.Name, _node.Config.Rejoin.SlotWalLimit);
            }
        }

        try
        {
            if (SlotPolicy.Differ(server, kept))
            {
                await _node.Server.EnsureSlotsAsync(kept, cancellationToken).ConfigureAwait(false);
            }

            if (leaderSlots is not null && server.Role == NodeRole.Standby && (_advancedAt == 0 || _node.Time.GetElapsedTime(_advancedAt) > BetweenAdvances))
            {
                _advancedAt = _node.Time.GetTimestamp();
                await _node.Server.AdvanceSlotsAsync(leaderSlots, cancellationToken).ConfigureAwait(false);
            }

            _failed = false;
        }
        catch (PgClusterException e)
        {
            if (!_failed)
            {
                NodeLog.SlotsFailed(_node.Logger, e.Message);
            }

            _failed = true;
        }
    }
}
