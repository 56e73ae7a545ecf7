using PgCluster.Engine.Leadership;
using PgCluster.Engine.Operations;

namespace PgCluster.Engine.Nodes;

/// <summary>
/// leader.failsafe: a leader that has lost the store asks every other agent whether it knows no other leader. Who says so promises that it neither votes nor is elected for the
/// length of a lease, so that the store's silence, or the end of a lease in it, makes nobody else the leader meanwhile. One that does not answer is a no.
/// </summary>
internal sealed class NodeFailsafe
{
    private readonly NodeContext _node;

    // A promise and a vote exclude each other. The agent's gate is not for this: a look that waits for a store that is gone holds it for too long.
    private readonly Lock _sync = new();

    // An agent knows no more what the one before it has promised.
    private long _promisedAt;
    private string? _seenTerm;

    public NodeFailsafe(NodeContext node)
    {
        _node = node;
        _promisedAt = node.Time.GetTimestamp();
        if (node.Config.Leader.Failsafe)
        {
            node.Seat.AskOthers = AskAsync;
        }
    }

    /// <summary>True while this node has promised a leader to let nobody else lead.</summary>
    public bool IsPromised
    {
        get
        {
            lock (_sync)
            {
                return _node.Config.Leader.Failsafe && _node.Time.GetElapsedTime(_promisedAt) < _node.Config.Leader.Ttl;
            }
        }
    }

    /// <summary>
    /// What a look has found in the store: only for the leader that this agent saw there last will it vouch, and not when it has voted since. That the key is gone says
    /// nothing against a leader which cannot renew it.
    /// </summary>
    public void Saw(LeaderRecord? leader)
    {
        lock (_sync)
        {
            _seenTerm = leader?.Term ?? _seenTerm;
        }
    }

    /// <summary>Before a vote: whoever led is not vouched for any more.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlanStale"/> while this node has promised otherwise.</exception>
    public void BeginVote()
    {
        lock (_sync)
        {
            if (IsPromised)
            {
                throw new PgClusterException(Reason.PlanStale, $"{_node.Self.Name} has vouched for a leader that lost the store (leader.failsafe)") { Target = _node.Self.Name };
            }

            _seenTerm = null;
        }
    }

    /// <summary>See <see cref="INodeAgent.VouchAsync"/>.</summary>
    public void Vouch(string leader, string term)
    {
        lock (_sync)
        {
            if (!_node.Config.Leader.Failsafe || _seenTerm != term)
            {
                throw new PgClusterException(
                    Reason.PlanStale, $"{_node.Self.Name} does not vouch for {leader}: " + (_node.Config.Leader.Failsafe ? "it has not seen it lead last" : "leader.failsafe is off there"))
                {
                    Target = _node.Self.Name,
                };
            }

            _promisedAt = _node.Time.GetTimestamp();
        }
    }

    private async Task<bool> AskAsync(LeaderRecord leader, CancellationToken cancellationToken)
    {
        string[] others = [.. _node.Config.Nodes.Select(n => n.Name).Where(n => n != _node.Self.Name)];
        try
        {
            await AtOnce.EachAsync(others, name => _node.Peers.Node(name).VouchAsync(leader.Node, leader.Term, cancellationToken)).ConfigureAwait(false);
            return true;
        }
        catch (PgClusterException e)
        {
            NodeLog.NotVouchedFor(_node.Logger, e.Message);
            return false;
        }
    }
}
