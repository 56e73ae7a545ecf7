namespace PgCluster;

/// <summary>What a node lacks until it is what it is waited for.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="Missing">What it lacks, each in words; empty when it is ready.</param>
public sealed record NodeReadiness(string Name, IReadOnlyList<string> Missing)
{
    /// <summary>What it lacks, each in words; empty when it is ready.</summary>
    public IReadOnlyList<string> Missing { get; init => field = Indexable.Of(value); } = Indexable.Of(Missing);

    /// <summary>True when it lacks nothing.</summary>
    public bool IsReady => Missing.Count == 0;

    /// <inheritdoc/>
    public override string ToString() => IsReady ? $"{Name} is ready" : $"{Name}: {string.Join(", and ", Missing)}";
}
