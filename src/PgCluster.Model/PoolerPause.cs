namespace PgCluster;

/// <summary>A pause that a pooler was in, or is.</summary>
public sealed record PoolerPause
{
    /// <summary>Id of its lease.</summary>
    public required string Id { get; init; }

    /// <summary>Who asked for it, in words.</summary>
    public string Holder { get; init; } = "";

    /// <summary>Since when clients wait, by the keeper's clock.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Since when they are served again; null while they wait.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>What ended it, in words; empty while it lasts.</summary>
    public string EndedBy { get; init; } = "";
}
