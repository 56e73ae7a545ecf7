namespace PgCluster.Engine.Topology;

/// <summary>A change of what <see cref="SplitBrainDetector"/> knows.</summary>
/// <param name="Writers">The nodes that accept writes at the same time, as each was last seen; at the end, those that did.</param>
/// <param name="Over">True when at most one of them accepts writes any more.</param>
/// <param name="Evidence">In words.</param>
public sealed record SplitBrainChange(IReadOnlyList<ServerLook> Writers, bool Over, string Evidence);
