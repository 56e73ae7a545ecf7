namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>Leaves out of a trace what its violation does not need.</summary>
internal static class ShorterTrace
{
    public static List<Move> Of(ProtocolModel model, List<Move> trace)
    {
        for (var size = trace.Count / 2; size > 0; size /= 2)
        {
            for (var at = 0; at + size <= trace.Count;)
            {
                if (Replay(model, [.. trace[..at], .. trace[(at + size)..]]) is { } shorter)
                {
                    trace = shorter;
                }
                else
                {
                    at += size;
                }
            }
        }

        return trace;
    }

    /// <summary>The moves that were possible up to a violation; null when there was none.</summary>
    private static List<Move>? Replay(ProtocolModel model, List<Move> moves)
    {
        var done = new List<Move>();
        var state = model.Initial();
        foreach (var move in moves.Where(move => move.Kind == MoveKind.Time || model.Enabled(state).Contains(move)))
        {
            done.Add(move);
            try
            {
                state = model.Apply(state, move);
            }
            catch (ProtocolViolation)
            {
                return done;
            }
        }

        return null;
    }
}
