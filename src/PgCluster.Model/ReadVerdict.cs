namespace PgCluster;

/// <summary>Whether a node may serve a read, and why not.</summary>
/// <param name="Node">The node's name.</param>
/// <param name="Suitable">True when it may.</param>
/// <param name="Reasons">Each reason against it, or what speaks for it.</param>
public sealed record ReadVerdict(string Node, bool Suitable, IReadOnlyList<string> Reasons)
{
    /// <summary>Each reason against it, or what speaks for it.</summary>
    public IReadOnlyList<string> Reasons { get; init => field = Indexable.Of(value); } = Indexable.Of(Reasons);

    /// <inheritdoc/>
    public override string ToString() => $"{Node}: {string.Join("; ", Reasons)}";
}
