using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>Faults, as many as the setup allows, and their end.</summary>
internal sealed class FaultMoves(ProtocolSetup setup) : IProtocolMoves
{
    public IEnumerable<Move> Enabled(ProtocolState s, ProtocolNode n)
    {
        var i = n.Index;
        if (n.Agent == AgentLife.Runs)
        {
            if (May(ProtocolFaults.FreezeAgent)) { yield return new Move(MoveKind.Freeze, i); }
            if (May(ProtocolFaults.KillAgent)) { yield return new Move(MoveKind.KillAgent, i); }
            if (May(ProtocolFaults.FreezeNode)) { yield return new Move(MoveKind.FreezeNode, i); }
        }
        else
        {
            yield return new Move(n.GuardFrozen ? MoveKind.ThawNode : n.Agent == AgentLife.Frozen ? MoveKind.Thaw : MoveKind.StartAgent, i);
        }

        if (n.Server == NodeState.Running && !n.GuardFrozen)
        {
            if (May(ProtocolFaults.CrashServer)) { yield return new Move(MoveKind.CrashServer, i); }
            if (n.ServerFrozen) { yield return new Move(MoveKind.ThawServer, i); }
            else if (May(ProtocolFaults.FreezeServer)) { yield return new Move(MoveKind.FreezeServer, i); }
        }

        if (!n.GuardDead && !n.GuardFrozen && May(ProtocolFaults.KillGuard)) { yield return new Move(MoveKind.KillGuard, i); }

        if (i == 0 && s.Store.Leases.Count > 0 && May(ProtocolFaults.LeasesAnew)) { yield return new Move(MoveKind.LeasesAnew); }

        if (n.Unwell) { yield return new Move(MoveKind.CallWell, i); }
        else if (May(ProtocolFaults.CallUnwell)) { yield return new Move(MoveKind.CallUnwell, i); }

        if (n.Cut) { yield return new Move(MoveKind.HealStore, i); }
        else if (May(ProtocolFaults.CutStore)) { yield return new Move(MoveKind.CutStore, i); }

        for (var m = i + 1; m < s.Nodes.Length; m++)
        {
            if (!s.AreLinked(i, m)) { yield return new Move(MoveKind.HealPeers, i, m); }
            else if (May(ProtocolFaults.CutPeers)) { yield return new Move(MoveKind.CutPeers, i, m); }
        }

        bool May(ProtocolFaults fault) => s.Faults < setup.Faults && (setup.Kinds & fault) != 0;
    }

    public bool Apply(ProtocolState s, ProtocolNode n, Move move)
    {
        s.Faults += move.IsFault ? 1 : 0;
        switch (move.Kind)
        {
            case MoveKind.Freeze: n.Agent = AgentLife.Frozen; return true;
            case MoveKind.Thaw: n.Agent = AgentLife.Runs; return true;
            case MoveKind.KillAgent: KillAgent(n); return true;
            case MoveKind.StartAgent: StartAgent(n); return true;
            case MoveKind.CrashServer: Servers.Stop(n, NodeState.Crashed); return true;
            case MoveKind.FreezeServer: n.ServerFrozen = true; return true;
            case MoveKind.ThawServer: n.ServerFrozen = false; return true;
            case MoveKind.FreezeNode: (n.Agent, n.ServerFrozen, n.GuardFrozen) = (AgentLife.Frozen, n.Server == NodeState.Running, true); return true;
            case MoveKind.ThawNode: (n.Agent, n.ServerFrozen, n.GuardFrozen) = (AgentLife.Runs, false, false); return true;
            case MoveKind.KillGuard: n.GuardDead = true; return true;
            case MoveKind.CallUnwell: n.Unwell = true; return true;
            case MoveKind.CallWell: n.Unwell = false; return true;
            case MoveKind.CutStore: n.Cut = true; return true;
            case MoveKind.HealStore: n.Cut = false; return true;
            case MoveKind.LeasesAnew: s.Store.RenewAll(s.Now); return true;
            case MoveKind.CutPeers or MoveKind.HealPeers: s.CutOrHeal(move.Node, move.Other); return true;
            default: return false;
        }
    }

    private static void KillAgent(ProtocolNode n)
    {
        n.Agent = AgentLife.Dead;
        Seat.Leave(n);
        (n.Take, n.Doing, n.Ballot, n.Votes, n.SteppingDown, n.ActingOn) = (null, AgentActivity.Nothing, null, [], 0, null);
        (n.StoppedFor, n.StoppedByAgent, n.SynchronousSeen, n.Enforced) = (null, false, -1, true);
        (n.SeenNames, n.SeenTimeline, n.IsAlone, n.AloneSince, n.Written, n.ToEnforce) = (null, 0, false, null, null, null);
    }

    private static void StartAgent(ProtocolNode n)
    {
        (n.Agent, n.Starting) = (AgentLife.Runs, true);

        // A deadline that no guard looks at counts as one of an earlier start of the machine.
        if (n.GuardDead)
        {
            n.Late |= n is { GuardAt: > 0, IsWritable: true };
            n.GuardAt = 0;
        }
    }
}
