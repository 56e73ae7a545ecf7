namespace PgCluster.Engine.Health;

/// <summary>What the observers agree on at one moment.</summary>
/// <param name="Voters">Names of the observers that have looked within health.observer_timeout.</param>
/// <param name="Present">Those of them that have looked within health.failover_timeout.</param>
/// <param name="Needed">How many healthy votes make a node healthy.</param>
/// <param name="Verdicts">One for each node asked for or voted on, by name.</param>
public sealed record ConsensusView(IReadOnlyList<string> Voters, IReadOnlyList<string> Present, int Needed, IReadOnlyList<HealthVerdict> Verdicts)
{
    /// <summary>True when enough voters speak at present to say anything.</summary>
    public bool HasQuorum => Voters.Count > 0 && Present.Count >= Needed;

    /// <summary>The verdict on a node; Unknown for one that nobody knows.</summary>
    public HealthVerdict Of(string node) =>
        Verdicts.FirstOrDefault(v => v.Node == node) ?? new HealthVerdict(node, HealthState.Unknown, 0, Needed, []);

    /// <summary>Names of the nodes that the quorum calls healthy.</summary>
    public IReadOnlyList<string> Healthy => [.. Verdicts.Where(v => v.IsHealthy).Select(v => v.Node)];
}
