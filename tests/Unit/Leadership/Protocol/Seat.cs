using System.Globalization;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>An agent's hold of the leadership and its guard, as <see cref="LeaderSeat"/> keeps them.</summary>
internal sealed class Seat(ProtocolSetup setup)
{
    /// <summary>From that age of its latest renewal on a node must not rely on its hold.</summary>
    public int Limit(ProtocolNode n) => setup.Real(n.Guarded ? ProtocolClock.StopAfter : ProtocolClock.TimeToLive);

    public bool IsHeld(ProtocolState s, ProtocolNode n) => n is { Lease: not 0, Lost: false } && (!setup.Rules.SeatGoesByTheClock || s.Now - n.RenewedAt < Limit(n));

    public void Arm(ProtocolNode n, int renewedAt) => n.GuardAt = setup.Rules.Guard ? renewedAt + setup.Real(setup.KillAfter) : 0;

    /// <summary>A guard that died is started again, and finds the deadline.</summary>
    public static void EnsureGuard(ProtocolState s, ProtocolNode n)
    {
        if (n.GuardDead)
        {
            n.GuardDead = false;
            if (n.GuardAt > 0 && n.GuardAt <= s.Now)
            {
                Kill(n);
            }
        }
    }

    /// <summary>What a guard does at its deadline.</summary>
    public static void Kill(ProtocolNode n)
    {
        n.GuardAt = 0;
        Servers.Stop(n, NodeState.Crashed);
    }

    /// <summary>Sends the transaction that takes the leadership.</summary>
    public void BeginTake(
        ProtocolState s, ProtocolNode n, NodeAction purpose, StoreBallot ballot, int timeline, OperationDecision? operation, SynchronousPolicyRecord? policy, bool vouched = false,
        int underLock = 0)
    {
        Leave(n);
        EnsureGuard(s, n);
        var lease = ++s.Serial;
        s.Store.Leases[lease] = s.Now + ProtocolClock.TimeToLive;
        var armed = n.GuardAt > 0 && setup.Rules.TakeKeepsTheDeadline;
        if (n.Enforced && !armed)
        {
            Arm(n, s.Now);
        }

        n.Take = new PendingTake(ballot, lease, lease, s.Now, timeline, armed, n.Enforced, operation, policy, vouched, underLock);
        (n.Doing, n.Purpose) = (AgentActivity.Taking, purpose);
    }

    /// <summary>The transaction is done, or refused, in the store.</summary>
    public void Arrive(ProtocolState s, ProtocolNode n)
    {
        var (take, store) = (n.Take!, s.Store);
        var b = take.Ballot;
        var asRead = (!setup.Rules.TakeNeedsTheKeyAsRead || b.LeaderRevision == store.LeaderRevision)
            && (!setup.Rules.TakeNeedsTheRestAsRead || (b.LastRevision == store.LastRevision && b.OperationRevision == store.OperationRevision && b.PolicyRevision == store.PolicyRevision))
            && (take.Operation is null || take.Lock != 0 || !setup.Rules.TakeNeedsSilence || b.BeatRevision == store.BeatRevision)
            && (take.Lock == 0 || take.Lock == store.Lock);
        if (!asRead || !store.Leases.ContainsKey(take.Lease))
        {
            n.Take = take with { Stage = TakeStage.Refused };
            return;
        }

        if (take.Vouched)
        {
            Invariants.HasAll(n, s.Acknowledged + s.Told, "takes over, vouched for,");
        }

        var revision = ++store.Revision;
        store.Leader = new LeaderRecord(n.Name, take.Timeline, take.Term.ToString(CultureInfo.InvariantCulture));
        store.Last = new LastLeader(n.Name, take.Timeline, store.Leader.Term, Servers.Position(n), Unguarded: !take.Guarded);
        (store.LeaderRevision, store.LeaderLease, store.LastRevision) = (revision, take.Lease, revision);
        store.Beat(take.Term, s.Now);
        s.CommittedTerms = s.CommittedTerms.Add(take.Term);
        if (take.Operation is { } operation)
        {
            (store.Operation, store.OperationRevision) = (operation, revision);
        }

        if (take.Policy is { } policy)
        {
            (store.Policy, store.PolicyRevision) = (policy, revision);
        }

        n.Take = take with { Stage = TakeStage.Done, WrittenAt = revision };
    }

    /// <summary>The answer to a take has come back, or never will.</summary>
    public void Hear(ProtocolState s, ProtocolNode n)
    {
        var take = n.Take!;
        n.Take = null;
        if (take.Stage == TakeStage.Done)
        {
            (n.Lease, n.Term, n.RenewedAt, n.WrittenAt, n.Lost, n.Guarded) = (take.Lease, take.Term, take.GrantedAt, take.WrittenAt, false, take.Guarded);
            n.Doing = AgentActivity.Taken;
            if (!take.Guarded)
            {
                n.GuardAt = 0;
            }
            else if (s.Now - take.GrantedAt < Limit(n))
            {
                Arm(n, take.GrantedAt);
            }

            return;
        }

        n.Doing = AgentActivity.Nothing;
        n.Starting |= n.Purpose == NodeAction.Settle;
        if (take.Stage == TakeStage.NotKnown && setup.Rules.DoubtLeavesKeyAndGuard)
        {
            // The key may stand there: it ends by itself, and the guard before it.
            return;
        }

        if (!n.Cut)
        {
            s.Store.Revoke(take.Lease);
        }

        if (!take.WasArmed)
        {
            n.GuardAt = 0;
        }
    }

    /// <summary>Gives the leadership back; without the store the lease ends by itself, and the guard's deadline stays.</summary>
    public static void Release(ProtocolState s, ProtocolNode n)
    {
        var unheard = n is { Lease: not 0, Cut: true };
        if (n is { Lease: not 0, Cut: false })
        {
            if (s.Store.LeaderRevision == n.WrittenAt)
            {
                s.Store.Last = s.Store.Last! with { Left = "it was asked to" };
                s.Store.LastRevision = ++s.Store.Revision;
            }

            s.Store.Revoke(n.Lease);
        }

        n.GuardAt = unheard ? n.GuardAt : 0;
        Leave(n);
    }

    /// <summary>The agent forgets its hold.</summary>
    public static void Leave(ProtocolNode n) => (n.Lease, n.Term, n.WrittenAt, n.Lost, n.Renewal, n.Guarded) = (0, 0, 0, false, RenewalStage.None, true);
}
