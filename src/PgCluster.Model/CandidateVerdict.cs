namespace PgCluster;

/// <summary>Whether a node may become the primary, and why not.</summary>
/// <param name="Node">The node's name.</param>
/// <param name="Eligible">True when it may be promoted.</param>
/// <param name="Rank">1 for the best; 0 when not eligible.</param>
/// <param name="Reasons">Each reason against it, or what put it at its rank.</param>
public sealed record CandidateVerdict(string Node, bool Eligible, int Rank, IReadOnlyList<string> Reasons)
{
    /// <summary>Each reason against it, or what put it at its rank.</summary>
    public IReadOnlyList<string> Reasons { get; init => field = Indexable.Of(value); } = Indexable.Of(Reasons);
}
