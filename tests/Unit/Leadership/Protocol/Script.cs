namespace PgCluster.Tests.Unit.Leadership.Protocol;

/// <summary>Given moves, those left out that cannot be done; then somebody has to lead again.</summary>
internal static class Script
{
    public static SearchResult Of(ProtocolSetup setup, params Move[] moves)
    {
        var model = new ProtocolModel(setup);
        var state = model.Initial();
        var done = new List<Move>();
        var twoWriters = 0;
        foreach (var move in moves.Where(move => move.Kind == MoveKind.Time || model.Enabled(state).Contains(move)))
        {
            done.Add(move);
            try
            {
                state = model.Apply(state, move);
                twoWriters += state.HasTwoWriters ? 1 : 0;
            }
            catch (ProtocolViolation e)
            {
                return new SearchResult(done.Count, e.Message, done);
            }
        }

        return new SearchResult(done.Count, Recovery.Fails(model, state) is { } why ? $"{Invariants.SomebodyLeads} {why}" : null, done) { TwoWriters = twoWriters };
    }
}
