namespace PgCluster.Adapters.Switchover;

/// <summary>How tables are copied.</summary>
public sealed record TableCopyRequest
{
    /// <summary>Whose copy it is: only what the same run has copied can be kept.</summary>
    public required Guid Run { get; init; }

    /// <summary>Parts copied at the same time, each with a connection to either side; 1 to 64.</summary>
    public int Jobs { get; init; } = 2;

    /// <summary>An exported snapshot of the source to read at, held by the caller; null for one of the copy's own.</summary>
    public string? Snapshot { get; init; }

    /// <summary>
    /// Keep tables that the same run had copied completely at an earlier snapshot: right only when every change since then reaches the target by another way.
    /// </summary>
    public bool KeepCopied { get; init; }

    /// <summary>Empty the target's tables before; otherwise rows that are there stay.</summary>
    public bool Truncate { get; init; }
}
