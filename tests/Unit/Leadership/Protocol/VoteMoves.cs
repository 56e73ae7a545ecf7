using System.Globalization;
using PgCluster.Engine.Election;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>An election: votes come in, any number of them in any order, and <see cref="ElectionPolicy"/> says who wins.</summary>
internal sealed class VoteMoves(ProtocolSetup setup, Seat seat, ListKeeper keeper) : IProtocolMoves
{
    public IEnumerable<Move> Enabled(ProtocolState s, ProtocolNode n)
    {
        if (n.Ballot is null || n.Agent != AgentLife.Runs)
        {
            yield break;
        }

        foreach (var m in s.Nodes.Where(m => n.Votes[m.Index] is null && s.Store.Read().IsOver(s.Now, setup.KillAfter) && m is { IsReady: true, Cut: false } && s.AreLinked(n.Index, m.Index)))
        {
            yield return new Move(MoveKind.Vote, n.Index, m.Index);
        }

        if (n.Doing == AgentActivity.Nothing && !n.Cut && n.Ballot.IsOver(s.Now, ProtocolClock.TimeToLive) && n.Votes.Any(v => v is not null))
        {
            yield return new Move(MoveKind.Decide, n.Index);
        }
    }

    public bool Apply(ProtocolState s, ProtocolNode n, Move move)
    {
        switch (move.Kind)
        {
            case MoveKind.Vote: Vote(s, n, s.Nodes[move.Other]); return true;
            case MoveKind.Decide: Decide(s, n); return true;
            default: return false;
        }
    }

    private void Vote(ProtocolState s, ProtocolNode elector, ProtocolNode voter)
    {
        if (voter is { IsRunningStandby: true, ServerFrozen: false } && setup.Rules.VotesSeal)
        {
            voter.Upstream = -1;
        }

        elector.Votes[voter.Index] = Servers.Status(s, voter);
    }

    private void Decide(ProtocolState s, ProtocolNode n)
    {
        var ballot = n.Ballot!;
        var verdict = setup.Elect(new ElectionSituation(
            [.. n.Votes.Select((v, m) => new ElectionNode(ProtocolModel.Name(m), "", 0, v, "silence", null, s.Nodes[m].Unwell ? false : null))], ballot.Last, ballot.Policy, 100));
        var voters = n.Votes.Select((v, m) => (Vote: v, Name: ProtocolModel.Name(m))).Where(v => v.Vote?.Role == NodeRole.Standby).Select(v => v.Name).ToArray();
        (n.Ballot, n.Votes) = (null, []);
        if (verdict.Winner == n.Name && n is { IsRunningStandby: true, ServerFrozen: false })
        {
            var decided = new OperationDecision((++s.Serial).ToString(CultureInfo.InvariantCulture), DecisionState.Promoted, ballot.Last!.Node, n.Name, n.Timeline + 1);
            seat.BeginTake(
                s, n, NodeAction.Elect, ballot, decided.Timeline, decided, keeper.Prepare(n, ballot, decided.Timeline, node => voters.Contains(node, StringComparer.Ordinal)),
                verdict.Vouched);
        }
    }
}
