namespace PgCluster;

/// <summary>What was asked of a repair.</summary>
public sealed record RepairRequest
{
    /// <summary>The node to bring back.</summary>
    public required string Node { get; init; }

    /// <summary>How.</summary>
    public RepairMethod Method { get; init; }

    /// <summary>Keep what is discarded beside the data directory.</summary>
    public bool KeepCopy { get; init; }

    /// <summary>Why, for the history.</summary>
    public string Why { get; init; } = "";

    /// <summary>user@host of who asks.</summary>
    public string Actor { get; init; } = "";
}
