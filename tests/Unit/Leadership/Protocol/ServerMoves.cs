using PgCluster.Engine.Configuration;
using PgCluster.Engine.Synchronous;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>What goes on in the servers by itself: commits, streaming, acknowledgements.</summary>
internal sealed class ServerMoves(ProtocolSetup setup) : IProtocolMoves
{
    public IEnumerable<Move> Enabled(ProtocolState s, ProtocolNode n)
    {
        var i = n.Index;
        if (n.IsWritable)
        {
            if (s.Commits < setup.Commits)
            {
                yield return new Move(MoveKind.Commit, i);
            }

            if (NextToAcknowledge(s, n) is not null)
            {
                yield return new Move(MoveKind.Acknowledge, i);
            }
        }

        if (n.NamesBefore is not null && !n.ServerFrozen)
        {
            yield return new Move(MoveKind.SendersCatchUp, i);
        }

        if (Servers.IsStreaming(s, n) && s.Nodes[n.Upstream] is var upstream
            && (n.Log.Length < upstream.Log.Length || (n.Timeline < upstream.Timeline && n.Log.Length >= upstream.ForkAt)))
        {
            yield return new Move(MoveKind.Stream, i, n.Upstream);
        }

        if (!setup.Rules.FollowsTheLeaderOnly && n.IsRunningStandby)
        {
            foreach (var other in s.Nodes.Where(m => m.IsWritable && n.Upstream != m.Index && s.Store.Leader?.Node != m.Name))
            {
                yield return new Move(MoveKind.FollowAnyone, i, other.Index);
            }
        }
    }

    public bool Apply(ProtocolState s, ProtocolNode n, Move move)
    {
        switch (move.Kind)
        {
            case MoveKind.Commit: n.Log += (char)('a' + s.Commits++); return true;
            case MoveKind.Acknowledge: Acknowledge(s, n); return true;
            case MoveKind.SendersCatchUp: n.NamesBefore = null; return true;
            case MoveKind.Stream: Stream(n, s.Nodes[move.Other]); return true;
            case MoveKind.FollowAnyone: n.Upstream = move.Other; return true;
            default: return false;
        }
    }

    private static void Stream(ProtocolNode n, ProtocolNode upstream)
    {
        if (n.Log.Length < upstream.Log.Length)
        {
            n.Log += upstream.Log[n.Log.Length];
        }

        if (n.Log.Length >= upstream.ForkAt)
        {
            (n.Timeline, n.ForkAt) = (upstream.Timeline, upstream.ForkAt);
        }
    }

    private void Acknowledge(ProtocolState s, ProtocolNode n)
    {
        var (commit, waited) = NextToAcknowledge(s, n)!.Value;
        if (waited)
        {
            s.Acknowledged += commit;
            Invariants.LaterOnesHaveIt(s, n);
        }
        else
        {
            s.Told += commit;
        }
    }

    /// <summary>The commit whose client is told next, and whether it has waited for standbys; null when there is none that may be told yet.</summary>
    private (char Commit, bool Waited)? NextToAcknowledge(ProtocolState s, ProtocolNode n)
    {
        for (var at = 0; at < n.Log.Length; at++)
        {
            if (!char.IsLower(n.Log[at]) || (s.Acknowledged + s.Told).Contains(n.Log[at], StringComparison.Ordinal))
            {
                continue;
            }

            var inUse = Servers.ListsInUse(n).Where(list => IsPromised(s, n, list)).ToArray();
            return inUse.Any(list => list.Count > 0 && Servers.Counting(s, n, list).Count(m => m.Log.Length > at) >= list.Count) ? (n.Log[at], true)
                : inUse.Any(list => list.Count == 0) ? (n.Log[at], false)
                : null;
        }

        return null;
    }

    /// <summary>Between a person's change and the leader's next look nobody knows of the new list: a commit under that is not promised anything.</summary>
    private bool IsPromised(ProtocolState s, ProtocolNode n, SynchronousList list) =>
        setup.Mode != SynchronousMode.Manual || s.Store.Policy?.InForce.Any(list.Of(n.Name, n.Timeline).IsSameAs) == true;
}
