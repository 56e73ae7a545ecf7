namespace PgCluster.Engine.Configuration;

/// <summary>Options that are each well formed and do not go together.</summary>
/// <param name="Paths">The options concerned, for example failover.pause_timeout or nodes[1].name.</param>
/// <param name="Message">Every option with its value, and what was expected.</param>
public sealed record ConfigViolation(IReadOnlyList<string> Paths, string Message);
