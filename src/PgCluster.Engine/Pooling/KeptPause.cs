namespace PgCluster.Engine.Pooling;

/// <summary>What a keeper gives to the one that goes on with its pooler, in another process.</summary>
/// <param name="Lease">The pause that clients are in; null when they are served.</param>
/// <param name="Last">The pause that they were in last, the present one included; null when there was none.</param>
/// <param name="Finished">Ids of pauses that have ended for good, and are refused.</param>
public sealed record KeptPause(PauseLease? Lease, PoolerPause? Last, IReadOnlyList<string> Finished);
