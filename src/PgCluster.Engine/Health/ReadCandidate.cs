namespace PgCluster.Engine.Health;

/// <summary>One node as a read may be routed to it.</summary>
/// <param name="Node">As its agent describes it.</param>
/// <param name="Health">The own view of who asks.</param>
/// <param name="Avoided">True when the circuit breaker is open for it.</param>
/// <param name="Evidence">What the health was concluded from.</param>
public sealed record ReadCandidate(ClusterNode Node, HealthState Health, bool Avoided, string Evidence);
