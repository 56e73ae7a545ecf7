namespace PgCluster.Adapters.Switchover;

/// <summary>How the flows of one run are named.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Forward">The flow from its source to its target.</param>
/// <param name="Back">The flow back, once it is over.</param>
/// <param name="Flowing">True in a rollback: the forward flow is the way back of the run before, and everything is there already.</param>
public sealed record RunLinks(Guid RunId, string Forward, string Back, bool Flowing)
{
    /// <summary>Those of a run that begins from nothing.</summary>
    public static RunLinks ForRun(Guid runId) => new(runId, $"pgcluster_{runId:n}", BackOf(runId), Flowing: false);

    /// <summary>Those of the rollback of <paramref name="finished"/>.</summary>
    public static RunLinks ForRollback(Guid runId, Guid finished) => new(runId, BackOf(finished), BackOf(runId), Flowing: true);

    private static string BackOf(Guid runId) => $"pgcluster_back_{runId:n}";
}
