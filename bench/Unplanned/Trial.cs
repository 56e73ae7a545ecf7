namespace PgCluster.Bench.Unplanned;

/// <summary>What came of one crash.</summary>
/// <param name="Crash">How the primary was lost.</param>
/// <param name="Contender">Whose it was.</param>
/// <param name="Round">Which round.</param>
/// <param name="Clients">What the clients saw; null when it is not known.</param>
/// <param name="Failure">Why it does not count; null when it does.</param>
internal sealed record Trial(string Crash, string Contender, int Round, WriteGapReport? Clients, string? Failure);
