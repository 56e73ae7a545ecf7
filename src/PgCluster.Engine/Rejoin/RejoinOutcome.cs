namespace PgCluster.Engine.Rejoin;

/// <summary>How a node was brought back.</summary>
/// <param name="Method">What was done in the end: a rewind that did not help may have become a new copy.</param>
/// <param name="KeptDirectory">Where what was discarded lies now; null when nothing was kept.</param>
public sealed record RejoinOutcome(RejoinMethod Method, string? KeptDirectory);
