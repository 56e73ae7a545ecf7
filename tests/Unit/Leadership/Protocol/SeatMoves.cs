using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>The lease of a leader: it is renewed, or lost; and the take by which it begins.</summary>
internal sealed class SeatMoves(ProtocolSetup setup, Seat seat) : IProtocolMoves
{
    public IEnumerable<Move> Enabled(ProtocolState s, ProtocolNode n)
    {
        var i = n.Index;
        if (n.Take is { Stage: TakeStage.Sent })
        {
            yield return new Move(n.Cut ? MoveKind.TakeLost : MoveKind.TakeArrives, i);
        }

        if (n.Renewal == RenewalStage.Sent)
        {
            yield return new Move(n.Cut ? MoveKind.RenewLost : MoveKind.RenewArrives, i);
        }

        if (n.Agent != AgentLife.Runs)
        {
            yield break;
        }

        if (n is { Lease: not 0, Lost: false })
        {
            var age = s.Now - n.RenewedAt;
            if (age >= seat.Limit(n))
            {
                yield return new Move(MoveKind.SeatLost, i);
            }

            if (n.Renewal == RenewalStage.None && !n.Cut && age >= (setup.FineSteps ? 1 : ProtocolClock.TimeToLive / 3))
            {
                yield return new Move(setup.FineSteps ? MoveKind.RenewSent : MoveKind.Renew, i);
            }
        }

        if (n.Renewal is RenewalStage.Granted or RenewalStage.LeaseGone)
        {
            yield return new Move(n.Cut ? MoveKind.RenewLost : MoveKind.RenewHeard, i);
        }

        if (n.SteppingDown > 0)
        {
            yield return new Move(n.SteppingDown == 1 ? MoveKind.StepDownStops : MoveKind.StepDownReleases, i);
        }

        if (n is { Doing: AgentActivity.Taking, Take: { Stage: not TakeStage.Sent } take })
        {
            yield return new Move(!n.Cut || take.Stage == TakeStage.NotKnown ? MoveKind.TakeHeard : MoveKind.TakeInDoubt, i);
        }
    }

    public bool Apply(ProtocolState s, ProtocolNode n, Move move)
    {
        switch (move.Kind)
        {
            case MoveKind.Renew:
                n.RenewalSentAt = s.Now;
                Arrive(s, n);
                Hear(s, n);
                return true;
            case MoveKind.RenewSent: (n.Renewal, n.RenewalSentAt) = (RenewalStage.Sent, s.Now); return true;
            case MoveKind.RenewArrives: Arrive(s, n); return true;
            case MoveKind.RenewHeard: Hear(s, n); return true;
            case MoveKind.RenewLost: n.Renewal = RenewalStage.None; return true;
            case MoveKind.SeatLost: Lose(n); return true;
            case MoveKind.StepDownStops:
                n.StoppedByAgent = true;
                n.SteppingDown = 2;
                Servers.Stop(n, NodeState.Stopped);
                return true;
            case MoveKind.StepDownReleases:
                n.SteppingDown = 0;
                if (!setup.Rules.StepDownEndsItsOwnTerm || n.Term == n.LostTerm || n.Lease == 0)
                {
                    Seat.Release(s, n);
                }

                return true;
            case MoveKind.TakeArrives: seat.Arrive(s, n); return true;
            case MoveKind.TakeLost or MoveKind.TakeInDoubt: n.Take = n.Take! with { Stage = TakeStage.NotKnown }; return true;
            case MoveKind.TakeHeard: seat.Hear(s, n); return true;
            default: return false;
        }
    }

    private static void Lose(ProtocolNode n)
    {
        n.Lost = true;
        if (n.Guarded)
        {
            (n.LostTerm, n.SteppingDown) = (n.Term, 1);
        }
    }

    /// <summary>A renewal of the lease and the beat that goes with it.</summary>
    private void Arrive(ProtocolState s, ProtocolNode n)
    {
        var beats = s.Store.BeatTerm == n.Term;
        if (beats && setup.Rules.SeatNeedsBeats)
        {
            s.Store.Beat(n.Term, s.Now);
        }

        // Who yields to a target that has taken over is not stopped for that.
        var lives = (beats || n.StoppedFor is not null) && s.Store.Leases.ContainsKey(n.Lease);
        n.Renewal = lives ? RenewalStage.Granted : RenewalStage.LeaseGone;
        if (lives)
        {
            s.Store.Leases[n.Lease] = s.Now + ProtocolClock.TimeToLive;
        }
    }

    private void Hear(ProtocolState s, ProtocolNode n)
    {
        var granted = n.Renewal == RenewalStage.Granted;
        n.Renewal = RenewalStage.None;
        if (n.Lost)
        {
            return;
        }

        if (!granted)
        {
            Lose(n);
            return;
        }

        n.RenewedAt = n.RenewalSentAt;
        if (n.Guarded && s.Now - n.RenewedAt < seat.Limit(n))
        {
            seat.Arm(n, n.RenewedAt);
            Seat.EnsureGuard(s, n);
        }
    }
}
