namespace PgCluster.Engine.Election;

/// <summary>What an election came to.</summary>
/// <param name="Winner">The node that may take the leadership; null when nobody may.</param>
/// <param name="Candidates">Every node, the best first, with what speaks for or against it.</param>
/// <param name="Vouched">True when the winner is known to have every acknowledged commit.</param>
/// <param name="Evidence">Why, in words.</param>
public sealed record ElectionVerdict(string? Winner, IReadOnlyList<CandidateVerdict> Candidates, bool Vouched, string Evidence);
