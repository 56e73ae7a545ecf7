namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>Every order of so many moves, breadth first and each state once, so that what it finds is as short as can be.</summary>
internal static class EveryOrder
{
    public static SearchResult Of(ProtocolSetup setup, int moves)
    {
        var model = new ProtocolModel(setup);
        var seen = new HashSet<UInt128>();
        var came = new List<(int From, Move Move)> { (-1, default) };
        var queue = new Queue<(int Id, int Depth, ProtocolState State)>();
        queue.Enqueue((0, 0, model.Initial()));
        while (queue.TryDequeue(out var at))
        {
            foreach (var move in model.Enabled(at.State))
            {
                ProtocolState next;
                try
                {
                    next = model.Apply(at.State, move);
                }
                catch (ProtocolViolation e)
                {
                    return new SearchResult(seen.Count, e.Message, [.. Back(came, at.Id), move]);
                }

                if (seen.Add(StateKey.Of(next)) && at.Depth + 1 < moves)
                {
                    came.Add((at.Id, move));
                    queue.Enqueue((came.Count - 1, at.Depth + 1, next));
                }
            }
        }

        return new SearchResult(seen.Count, null, []);
    }

    private static List<Move> Back(List<(int From, Move Move)> came, int id)
    {
        var trace = new List<Move>();
        for (var at = id; at > 0; at = came[at].From)
        {
            trace.Add(came[at].Move);
        }

        trace.Reverse();
        return trace;
    }
}
