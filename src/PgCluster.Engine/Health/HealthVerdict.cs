namespace PgCluster.Engine.Health;

/// <summary>What the observers agree on about one node.</summary>
/// <param name="Node">The node's name.</param>
/// <param name="State">
/// Healthy with enough healthy votes; Unhealthy when enough voters speak and yet it has not; Unknown when too few speak, so that nobody may act on it.
/// </param>
/// <param name="HealthyVotes">Voters that saw it well within health.failover_timeout.</param>
/// <param name="Needed">How many of these make it healthy.</param>
/// <param name="Votes">Each voter's word, by name.</param>
public sealed record HealthVerdict(string Node, HealthState State, int HealthyVotes, int Needed, IReadOnlyList<NodeVote> Votes)
{
    /// <summary>True when the quorum says that it is well.</summary>
    public bool IsHealthy => State == HealthState.Healthy;

    /// <summary>The verdict in words, as histories have it.</summary>
    public override string ToString() =>
        $"{Node} is {State}: {HealthyVotes} of {Votes.Count} voters saw it well, {Needed} are needed ({string.Join("; ", Votes.Select(v => $"{v.Observer}: {(v.Healthy ? "well" : v.Evidence)}"))})";
}
