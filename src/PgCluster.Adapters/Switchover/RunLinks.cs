namespace PgCluster.Adapters.Switchover;

/// <summary>
/// How the flows of a switchover are named: by its id and where they lead, the same whether the application goes there for the first time, back, or there
/// again, so that a way that failed can be tried again.
/// </summary>
/// <param name="RunId">The switchover.</param>
/// <param name="Forward">The flow from the run's source to its target.</param>
/// <param name="Back">The flow the other way, once the run is over.</param>
/// <param name="Flowing">True in a rollback: the forward flow is the way back of the run before, and everything is there already.</param>
public sealed record RunLinks(Guid RunId, string Forward, string Back, bool Flowing)
{
    /// <summary>Names them.</summary>
    /// <param name="runId">The switchover.</param>
    /// <param name="home">True when the run leads to the database the application came from in the first place.</param>
    /// <param name="flowing">True when it is a rollback.</param>
    public static RunLinks Of(Guid runId, bool home = false, bool flowing = false)
    {
        var away = $"pgcluster_{runId:n}";
        var back = $"pgcluster_back_{runId:n}";
        return home ? new(runId, back, away, flowing) : new(runId, away, back, flowing);
    }
}
