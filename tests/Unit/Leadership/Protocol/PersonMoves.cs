namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>What a person does: suspends the cluster and resumes it, changes the list of synchronous standbys.</summary>
internal sealed class PersonMoves(ProtocolSetup setup) : IProtocolMoves
{
    public IEnumerable<Move> Enabled(ProtocolState s, ProtocolNode n)
    {
        if (n.Index != 0)
        {
            yield break;
        }

        if (s.Suspensions < setup.Suspensions || s.Store.Suspended)
        {
            yield return new Move(s.Store.Suspended ? MoveKind.Resume : MoveKind.Suspend);
        }

        if (setup.OtherList is { } other && n.IsWritable && n.Names != other)
        {
            yield return new Move(MoveKind.ListByHand);
        }
    }

    public bool Apply(ProtocolState s, ProtocolNode n, Move move)
    {
        switch (move.Kind)
        {
            case MoveKind.Suspend: (s.Store.Suspended, s.Suspensions) = (true, s.Suspensions + 1); return true;
            case MoveKind.Resume: s.Store.Suspended = false; return true;
            case MoveKind.ListByHand: Servers.SetNames(n, setup.OtherList!); return true;
            default: return false;
        }
    }
}
