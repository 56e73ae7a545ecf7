using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>Time passes up to whatever it brings next; leases end, guards kill.</summary>
internal sealed class TimeMoves(ProtocolSetup setup, Seat seat) : IProtocolMoves
{
    public IEnumerable<Move> Enabled(ProtocolState s, ProtocolNode n)
    {
        if (n.Index != 0)
        {
            yield break;
        }

        var next = s.Store.Leases.Values
            .Concat(s.Nodes.Select(m => m.GuardAt))
            .Concat(s.Store.Leader is null ? [] : [s.Store.BeatAt + setup.KillAfter, s.Store.BeatAt + ProtocolClock.TimeToLive])
            .Concat(s.Nodes.Where(m => m is { Lease: not 0, Lost: false }).SelectMany(m => new[] { m.RenewedAt + (ProtocolClock.TimeToLive / 3), m.RenewedAt + seat.Limit(m) }))
            .Where(at => at > s.Now).Select(at => at - s.Now).DefaultIfEmpty().Min();
        if (next > 0)
        {
            yield return new Move(MoveKind.Time, 0, next);
            if (setup.FineSteps && next > ProtocolClock.TimeToLive / 3)
            {
                yield return new Move(MoveKind.Time, 0, ProtocolClock.TimeToLive / 3);
            }
        }

        foreach (var (lease, end) in s.Store.Leases.Where(l => l.Value <= s.Now))
        {
            yield return new Move(MoveKind.LeaseEnds, 0, lease);
        }
    }

    public bool Apply(ProtocolState s, ProtocolNode n, Move move)
    {
        switch (move.Kind)
        {
            case MoveKind.Time: Pass(s, move.Other); return true;
            case MoveKind.LeaseEnds: s.Store.Revoke(move.Other); return true;
            default: return false;
        }
    }

    private static void Pass(ProtocolState s, int ticks)
    {
        s.Now += ticks;
        foreach (var n in s.Nodes.Where(n => n.GuardAt > 0 && n.GuardAt <= s.Now))
        {
            if (n.GuardFrozen || n.GuardDead)
            {
                n.Late |= n is { Server: NodeState.Running, Role: NodeRole.Primary };
            }
            else
            {
                Seat.Kill(n);
            }
        }
    }
}
