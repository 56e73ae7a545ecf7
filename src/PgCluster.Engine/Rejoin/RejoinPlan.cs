namespace PgCluster.Engine.Rejoin;

/// <summary>How a node comes back, and what that costs.</summary>
/// <param name="Method">What to do.</param>
/// <param name="Why">Why that, in a sentence.</param>
/// <param name="Fork">Where its WAL and that of the server it is to follow part; null when both are on the same timeline, or nothing is known.</param>
/// <param name="DiscardedTimeline">Timeline of the WAL that would be lost; null when none would be, or nothing is known.</param>
/// <param name="DiscardedBytes">How many bytes of WAL would be lost: 0 for none, null when unknown.</param>
/// <param name="DiscardedFrom">Where the WAL that would be lost begins; null when none would be, or unknown.</param>
/// <param name="DiscardedTo">Where it ends.</param>
/// <param name="KeepCopy">True when what is lost is to be kept beside the data directory.</param>
public sealed record RejoinPlan(
    RejoinMethod Method, string Why, Lsn? Fork = null, int? DiscardedTimeline = null, long? DiscardedBytes = null,
    Lsn? DiscardedFrom = null, Lsn? DiscardedTo = null, bool KeepCopy = false);
