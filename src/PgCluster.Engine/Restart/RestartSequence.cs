namespace PgCluster.Engine.Restart;

/// <summary>Which nodes are restarted, in order.</summary>
/// <param name="Nodes">Each with why it comes at its place.</param>
/// <param name="Obstacle">Why no order is sound, in words; null when this one is.</param>
public sealed record RestartSequence(IReadOnlyList<(string Node, string Why)> Nodes, string? Obstacle);
