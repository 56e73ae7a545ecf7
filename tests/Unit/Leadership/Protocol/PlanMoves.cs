using System.Globalization;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>Planned failovers: a client that may die at any moment, and what the two agents do about it then.</summary>
internal sealed class PlanMoves(ProtocolSetup setup, Seat seat, AgentMoves agents, ListKeeper keeper) : IProtocolMoves
{
    public IEnumerable<Move> Enabled(ProtocolState s, ProtocolNode n)
    {
        var store = s.Store;
        if (setup.Plans == 0)
        {
            yield break;
        }

        if (store.Lock != 0 && n.Index == 0)
        {
            yield return new Move(MoveKind.PlanDies);
        }

        if (!n.IsReady || n.Cut)
        {
            yield break;
        }

        if (n.StoppedFor is not null)
        {
            yield return new Move(MoveKind.Settle, n.Index);
        }

        if (store.Lock == 0 && s.Plans < setup.Plans && n.IsWritable && seat.IsHeld(s, n))
        {
            foreach (var m in s.Nodes.Where(m => Servers.IsStreamingFrom(s, m, n)))
            {
                yield return new Move(MoveKind.PlanBegins, n.Index, m.Index);
            }
        }

        if (store.Lock == 0 || store.Operation is not { } operation)
        {
            yield break;
        }

        if (operation is { State: DecisionState.Running } && operation.From == n.Name && n is { IsWritable: true, StoppedFor: null }
            && Servers.IsStreamingFrom(s, s.Nodes[ProtocolModel.Index(operation.Target)], n))
        {
            yield return new Move(MoveKind.PlanStops, n.Index);
        }

        if (operation is { State: DecisionState.Running } && operation.Target == n.Name && n.IsRunningStandby && s.StoppedAt == "=" + n.Log
            && (store.Leader is not { } leader || leader.Node == n.Name || leader.YieldsTo == operation.Id))
        {
            yield return new Move(MoveKind.PlanPromotes, n.Index);
        }

        if (operation is { State: DecisionState.Promoted } && operation.From == n.Name && n.StoppedFor == operation.Id)
        {
            yield return new Move(MoveKind.PlanFollows, n.Index);
        }
    }

    public bool Apply(ProtocolState s, ProtocolNode n, Move move)
    {
        switch (move.Kind)
        {
            case MoveKind.PlanBegins: Begin(s, n, s.Nodes[move.Other]); return true;
            case MoveKind.PlanStops: Stop(s, n); return true;
            case MoveKind.PlanPromotes: Promote(s, n); return true;
            case MoveKind.PlanFollows: Follow(s, n); return true;
            case MoveKind.PlanDies: (s.Store.Lock, s.StoppedAt) = (0, ""); return true;
            case MoveKind.Settle: Settle(s, n); return true;
            default: return false;
        }
    }

    private static void Begin(ProtocolState s, ProtocolNode from, ProtocolNode target)
    {
        s.Plans++;
        s.Store.Lock = ++s.Serial;
        s.Store.Decide(new OperationDecision((++s.Serial).ToString(CultureInfo.InvariantCulture), DecisionState.Running, from.Name, target.Name));
    }

    private static void Stop(ProtocolState s, ProtocolNode n)
    {
        n.StoppedFor = s.Store.Operation!.Id;

        // A fast shutdown waits until those who are connected have everything.
        foreach (var m in s.Nodes.Where(m => Servers.IsStreamingFrom(s, m, n)).ToArray())
        {
            (m.Log, m.Timeline, m.ForkAt) = (n.Log, n.Timeline, n.ForkAt);
        }

        Servers.Stop(n, NodeState.Stopped);
        s.StoppedAt = "=" + n.Log;
        Yield(s, n, n.StoppedFor);
    }

    private static bool Yield(ProtocolState s, ProtocolNode n, string? to)
    {
        if (n.Lease == 0 || s.Store.LeaderRevision != n.WrittenAt)
        {
            return false;
        }

        s.Store.Leader = s.Store.Leader! with { YieldsTo = to };
        s.Store.LeaderRevision = n.WrittenAt = ++s.Store.Revision;
        return true;
    }

    private void Promote(ProtocolState s, ProtocolNode n)
    {
        var ballot = s.Store.Read();
        var decided = ballot.Operation! with { State = DecisionState.Promoted, Timeline = n.Timeline + 1 };
        Invariants.HasAll(n, s.Acknowledged + s.Told, "is promoted by a plan");
        seat.BeginTake(
            s, n, NodeAction.FinishTakeover, ballot, decided.Timeline, decided, keeper.Prepare(n, ballot, decided.Timeline, node => !s.Nodes[ProtocolModel.Index(node)].Unwell),
            underLock: s.Store.Lock);
    }

    private static void Follow(ProtocolState s, ProtocolNode n)
    {
        (n.Role, n.Upstream, n.StoppedFor) = (NodeRole.Standby, ProtocolModel.Index(s.Store.Operation!.Target), null);
        Servers.Start(n);
        Seat.Release(s, n);
    }

    private void Settle(ProtocolState s, ProtocolNode n)
    {
        var id = n.StoppedFor;
        n.StoppedFor = null;
        if (s.Store.Operation is not { } operation || operation.Id != id)
        {
            n.Starting = true;
            return;
        }

        if (operation.State == DecisionState.Promoted && operation.Target != n.Name)
        {
            Follow(s, n);
            return;
        }

        if (operation.State == DecisionState.Running)
        {
            s.Store.Decide(operation with { State = DecisionState.Abandoned });
        }

        n.Purpose = NodeAction.Settle;
        if (seat.IsHeld(s, n) && Yield(s, n, null))
        {
            n.Doing = AgentActivity.Taken;
            return;
        }

        agents.Lead(s, n, NodeAction.Settle, Servers.Status(s, n));
        n.Starting |= n.Doing == AgentActivity.Nothing;
    }
}
