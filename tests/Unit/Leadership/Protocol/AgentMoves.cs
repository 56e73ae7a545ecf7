using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>An agent looks, <see cref="NodeDecider"/> decides, and the agent does it.</summary>
internal sealed class AgentMoves(ProtocolSetup setup, ClusterConfig config, Seat seat, ListKeeper keeper) : IProtocolMoves
{
    public IEnumerable<Move> Enabled(ProtocolState s, ProtocolNode n)
    {
        var i = n.Index;
        if (n.Agent != AgentLife.Runs)
        {
            yield break;
        }

        switch (n.Doing)
        {
            case AgentActivity.Acting when !n.Cut || n.Purpose == NodeAction.None:
                yield return new Move(MoveKind.Act, i);
                break;
            case AgentActivity.Enforcing:
                yield return new Move(MoveKind.Enforce, i);
                break;
            case AgentActivity.Taken:
                yield return new Move(MoveKind.Serve, i);
                break;
            case AgentActivity.Starting:
                yield return new Move(MoveKind.StartUnderWay, i);
                break;
            case AgentActivity.Nothing when !n.Cut && n.StoppedFor is null:
                if (IsWorthALook(s, n, 0))
                {
                    yield return new Move(MoveKind.Look, i);
                }

                if (n is { Role: NodeRole.Primary, Server: not NodeState.Running } && LeaderOf(s, n) is null && IsWorthALook(s, n, Move.OthersHadTheirChance))
                {
                    yield return new Move(MoveKind.Look, i, Move.OthersHadTheirChance);
                }

                if (setup.Mode != SynchronousMode.Manual && n.IsWritable && s.Nodes.Any(m => m != n && !Servers.IsStreamingFrom(s, m, n)) && IsWorthALook(s, n, Move.AwayForLong))
                {
                    yield return new Move(MoveKind.Look, i, Move.AwayForLong);
                }

                break;
        }
    }

    public bool Apply(ProtocolState s, ProtocolNode n, Move move)
    {
        switch (move.Kind)
        {
            case MoveKind.Look: Look(s, n, move.Other); return true;
            case MoveKind.Act: Act(s, n); return true;
            case MoveKind.Enforce: ListKeeper.Enforce(n); return true;
            case MoveKind.Serve: Serve(s, n); return true;
            case MoveKind.StartUnderWay: StartUnderWay(s, n); return true;
            default: return false;
        }
    }

    /// <summary>Sends a take for a server that is, or was, the primary; or not, where another node outranks it by now.</summary>
    public void Lead(ProtocolState s, ProtocolNode n, NodeAction purpose, PostgresStatus server)
    {
        var ballot = s.Store.Read();
        var now = new NodeSituation(n.Name, server) { Leader = ballot.Leader, LastLeader = ballot.Last, Decision = ballot.Operation };
        if ((ballot.Leader is { } leader && leader.Node != n.Name) || (setup.Rules.LeadLooksAgain && now.AnotherOutranks))
        {
            return;
        }

        var timeline = ballot.Last is { } last && last.Node == n.Name ? Math.Max(last.Timeline, server.Timeline) : server.Timeline;
        seat.BeginTake(s, n, purpose, ballot, timeline, null, null);
    }

    /// <summary>Who leads, as a node sees it: nobody, when it is another one that has been silent for so long that its server has been killed.</summary>
    private LeaderRecord? LeaderOf(ProtocolState s, ProtocolNode n) =>
        s.Store.Leader is { } leader && (leader.Node == n.Name || !s.Store.Read().IsOver(s.Now, setup.KillAfter)) ? leader : null;

    private NodeSituation Situation(ProtocolState s, ProtocolNode n, int look)
    {
        var (store, leader) = (s.Store, s.Store.LeaderIndex);
        return new NodeSituation(n.Name, Servers.Status(s, n))
        {
            Leader = LeaderOf(s, n),
            HoldsSeat = seat.IsHeld(s, n),
            LeaderIsPrimary = leader >= 0 && leader != n.Index && (store.ReportedPrimaries & (1 << leader)) != 0,
            LeaderStreams = leader >= 0 && leader != n.Index && s.Nodes[leader].Server == NodeState.Running,
            LastLeader = store.Last,
            PublishedNode = n.Name,
            Decision = store.Operation,
            Locked = store.Lock != 0,
            Starting = n.Starting,
            StoppedByAgent = n.StoppedByAgent,
            AnotherIsBetter = n.Unwell,
            OthersHadTheirChance = (look & Move.OthersHadTheirChance) != 0,
            Stranded = leader >= 0 && n.Upstream == leader && !Servers.IsPrefix(n, s.Nodes[leader]),
            Suspended = store.Suspended,
        };
    }

    private bool Enforced(ProtocolState s, ProtocolNode n) => CrashRule.AnotherMayTakeOver(config, config.Nodes[n.Index]) && !s.Store.Suspended;

    /// <summary>A look that would change nothing is left out.</summary>
    private bool IsWorthALook(ProtocolState s, ProtocolNode n, int look)
    {
        var reported = (s.Store.ReportedPrimaries & (1 << n.Index)) != 0;
        if (n.Starting || n.GuardDead || n.Enforced != Enforced(s, n) || reported != n is { Server: NodeState.Running, Role: NodeRole.Primary })
        {
            return true;
        }

        var situation = Situation(s, n, look);
        return setup.Decide(situation) switch
        {
            NodeAction.None => Speaks(situation, n) && keeper.HasSomethingToSay(s, n, situation.Server, look),
            NodeAction.Follow => n.Upstream != s.Store.LeaderIndex,
            NodeAction.Elect => n.Ballot is null,
            NodeAction.Fence or NodeAction.Rejoin or NodeAction.Start => !n.ServerFrozen,
            _ => true,
        };
    }

    private static bool Speaks(NodeSituation situation, ProtocolNode n) =>
        situation is { HoldsSeat: true, Server: { Role: NodeRole.Primary, State: NodeState.Running } } && n.Lease != 0;

    private void Look(ProtocolState s, ProtocolNode n, int look)
    {
        Seat.EnsureGuard(s, n);
        n.Enforced = Enforced(s, n);
        var situation = Situation(s, n, look);
        var isPrimary = situation.Server is { Role: NodeRole.Primary, State: NodeState.Running };
        s.Store.ReportedPrimaries = isPrimary ? s.Store.ReportedPrimaries | (1 << n.Index) : s.Store.ReportedPrimaries & ~(1 << n.Index);
        n.Purpose = setup.Decide(situation);
        n.StoppedByAgent |= setup.Rules.FoundDownComesBack && n.Starting && n.Server != NodeState.Running;
        n.Starting = false;
        if (n.Purpose == NodeAction.None && !Speaks(situation, n))
        {
            return;
        }

        (n.Doing, n.ActingOn, n.LookedWith) = (AgentActivity.Acting, situation.Server, look);
        if (!setup.FineSteps)
        {
            Act(s, n);
            if (n.Doing == AgentActivity.Enforcing)
            {
                ListKeeper.Enforce(n);
            }
        }
    }

    private void Act(ProtocolState s, ProtocolNode n)
    {
        var (server, store) = (n.ActingOn!, s.Store);
        (n.Doing, n.ActingOn) = (AgentActivity.Nothing, null);
        switch (n.Purpose)
        {
            case NodeAction.Start:
                Servers.Start(n);
                break;
            case NodeAction.Lead or NodeAction.LeadAgain:
                Lead(s, n, n.Purpose, server);
                break;
            case NodeAction.Recover when seat.IsHeld(s, n):
                n.Doing = AgentActivity.Taken;
                break;
            case NodeAction.Recover:
                Lead(s, n, n.Purpose, server);
                break;
            case NodeAction.HandOver:
                Seat.Release(s, n);
                break;
            case NodeAction.FinishTakeover when seat.IsHeld(s, n):
                n.Doing = AgentActivity.Taken;
                break;
            case NodeAction.FinishTakeover:
                Lead(s, n, n.Purpose, server with { Timeline = server.Timeline + 1 });
                break;
            case NodeAction.Elect when store is { Suspended: false, Last: not null } && store.Read().IsOver(s.Now, setup.KillAfter):
                (n.Ballot, n.Votes) = (store.Read(), new PostgresStatus?[s.Nodes.Length]);
                break;
            case NodeAction.Follow when store.Leader is not null:
                n.Upstream = store.LeaderIndex;
                break;
            case NodeAction.Rejoin when store.Leader is not null && s.Nodes[store.LeaderIndex] is { IsWritable: true } leader && s.AreLinked(n.Index, leader.Index):
                Rejoin(n, leader);
                break;
            case NodeAction.Fence or NodeAction.StepAside:
                n.StoppedByAgent = true;
                Servers.Stop(n, NodeState.Stopped);
                Seat.Release(s, n);
                break;
            case NodeAction.Abandon when store.Operation is { State: DecisionState.Running } running:
                store.Decide(running with { State = DecisionState.Abandoned });
                break;
            case NodeAction.Settle:
                n.StoppedFor = store.Operation!.Id;
                break;
            case NodeAction.None when n is { Lease: not 0, IsWritable: true } && seat.IsHeld(s, n):
                keeper.Speak(s, n, server, n.LookedWith, seat);
                break;
        }
    }

    /// <summary>It leads: what it took the leadership for is done.</summary>
    private void Serve(ProtocolState s, ProtocolNode n)
    {
        n.Doing = AgentActivity.Nothing;
        if (n.Purpose == NodeAction.Lead)
        {
            n.Serving = n.IsWritable ? n.Term : 0;
            n.Late &= !n.IsWritable;
            return;
        }

        if (n.Purpose == NodeAction.Recover && CrashRule.HandsOver(config, config.Nodes[n.Index], s.Store.Policy, LastAsPrimary(n)))
        {
            Servers.Stop(n, NodeState.Crashed);
            Seat.Release(s, n);
            return;
        }

        var promotes = n.Purpose is NodeAction.FinishTakeover or NodeAction.Elect;
        if (!seat.IsHeld(s, n) || (promotes && !n.IsRunningStandby))
        {
            (n.SteppingDown, n.LostTerm) = (1, n.Term);
            return;
        }

        n.Doing = AgentActivity.Starting;
        if (!setup.FreezesInTheStart)
        {
            StartUnderWay(s, n);
        }
    }

    private void StartUnderWay(ProtocolState s, ProtocolNode n)
    {
        n.Doing = AgentActivity.Nothing;
        if (n.Purpose is NodeAction.FinishTakeover or NodeAction.Elect)
        {
            if (!n.IsRunningStandby)
            {
                (n.SteppingDown, n.LostTerm) = (1, n.Term);
                return;
            }

            n.Upstream = -1;
            n.Timeline++;
            n.ForkAt = n.Log.Length;
            n.Log += (char)('A' + s.Promotions++);
            n.Role = NodeRole.Primary;
        }

        Servers.Start(n);
        n.Serving = n.Term;
        n.Late = setup.FreezesInTheStart && !seat.IsHeld(s, n);
        s.Store.ReportedPrimaries |= 1 << n.Index;
        if (!n.Late)
        {
            Invariants.MayServe(s, n);
        }
    }

    private static PostgresStatus? LastAsPrimary(ProtocolNode n) => n.SynchronousSeen < 0 ? null : new PostgresStatus
    {
        State = NodeState.Running,
        Standbys = [.. Enumerable.Range(0, n.SynchronousSeen).Select(m => new ReplicationPeer(
            m.ToString(CultureInfo.InvariantCulture), "streaming", SyncState.Quorum, null, null, null))],
    };

    private static void Rejoin(ProtocolNode n, ProtocolNode upstream)
    {
        if (!Servers.IsPrefix(n, upstream))
        {
            (n.Log, n.Timeline, n.ForkAt) = (upstream.Log, upstream.Timeline, upstream.ForkAt);
        }

        (n.Role, n.Upstream, n.ServerFrozen) = (NodeRole.Standby, upstream.Index, false);
        Servers.Start(n);
    }
}
