namespace PgCluster.Engine.Health;

/// <summary>
/// What one observer saw of one node. Times are ages by the observer's own monotonic clock at the moment of writing, so that the clocks of two machines are
/// never compared.
/// </summary>
/// <param name="Node">The node's name.</param>
/// <param name="AttemptAgeMs">Milliseconds since it last looked.</param>
/// <param name="SuccessAgeMs">Milliseconds since it last saw the node well; null when it never did.</param>
/// <param name="LocallyHealthy">Its own view: see <see cref="NodeHealthTracker"/>.</param>
/// <param name="Agent">True when the node's agent answered the last look.</param>
/// <param name="Postgres">True when the node's PostgreSQL answered the last look.</param>
/// <param name="LatencyMs">Milliseconds the last look took.</param>
/// <param name="Detail">What the last look found, in words.</param>
public sealed record HealthVote(
    string Node, double AttemptAgeMs, double? SuccessAgeMs, bool LocallyHealthy, bool Agent, bool Postgres, double LatencyMs, string Detail);
