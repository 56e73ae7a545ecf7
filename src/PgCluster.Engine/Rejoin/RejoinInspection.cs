namespace PgCluster.Engine.Rejoin;

/// <summary>What a node's agent found when it was asked how its node could come back.</summary>
/// <param name="Situation">What <see cref="RejoinPolicy"/> decides by.</param>
/// <param name="CopyBytes">Bytes that a new copy would bring over; null when the upstream did not say.</param>
public sealed record RejoinInspection(RejoinSituation Situation, long? CopyBytes);
