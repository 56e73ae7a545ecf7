namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>Random walks, each from the beginning; what one finds is made shorter.</summary>
internal static class RandomWalks
{
    /// <param name="setup">The bounds.</param>
    /// <param name="first">The first walk's seed; each next one has the next.</param>
    /// <param name="count">How many walks.</param>
    /// <param name="moves">Moves of one walk.</param>
    /// <param name="recovers">True when at the end of every walk all faults are mended, and somebody has to lead again.</param>
    public static SearchResult Of(ProtocolSetup setup, int first, int count, int moves, bool recovers)
    {
        var model = new ProtocolModel(setup);
        var (states, twoWriters) = (0, 0);
        for (var seed = first; seed < first + count; seed++)
        {
            var random = new Random(seed);
            var trace = new List<Move>();
            var state = model.Initial();
            try
            {
                while (trace.Count < moves)
                {
                    trace.Add(Choose([.. model.Enabled(state)], random));
                    state = model.Apply(state, trace[^1]);
                    states++;
                    twoWriters += state.HasTwoWriters ? 1 : 0;
                }

                if (recovers && Recovery.Fails(model, state) is { } why)
                {
                    return new SearchResult(states, $"{Invariants.SomebodyLeads} seed {seed}: {why}", trace);
                }
            }
            catch (ProtocolViolation e)
            {
                return new SearchResult(states, e.Message, ShorterTrace.Of(model, trace));
            }
        }

        return new SearchResult(states, null, []) { TwoWriters = twoWriters };
    }

    /// <summary>As likely as each other move, faults would be used up, and mended, before anything has happened.</summary>
    private static Move Choose(Move[] enabled, Random random)
    {
        var rare = random.Next(8) == 0;
        var some = enabled.Where(m => (m.IsFault || m.Mends) == rare).ToArray();
        some = some.Length == 0 ? enabled : some;
        return some[random.Next(some.Length)];
    }
}
