namespace PgCluster.Handoff;

/// <summary>What an application knows, in a form of its own.</summary>
/// <param name="Version">Version of that form, by which a successor knows whether it can read it.</param>
/// <param name="Content">The state; at most <see cref="MaxBytes"/> bytes.</param>
public sealed record StateSnapshot(int Version, ReadOnlyMemory<byte> Content)
{
    /// <summary>The most bytes a state can have.</summary>
    public const int MaxBytes = 8 * 1024 * 1024;
}
