namespace PgCluster.Engine.Rejoin;

/// <summary>How far two servers have the same WAL.</summary>
/// <param name="Timeline">The last timeline they have in common.</param>
/// <param name="Lsn">Where they part; null when both are still on that timeline, so that only one can be ahead of the other.</param>
public sealed record TimelineFork(int Timeline, Lsn? Lsn);
