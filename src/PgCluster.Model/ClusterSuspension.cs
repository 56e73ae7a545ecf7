namespace PgCluster;

/// <summary>A time in which the agents replace nobody by themselves. It ends by itself.</summary>
public sealed record ClusterSuspension
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>user@host of who asked for it.</summary>
    public required string Owner { get; init; }

    /// <summary>Why.</summary>
    public string Why { get; init; } = "";

    /// <summary>Since when, by the owner's clock.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Until when, by the owner's clock; etcd ends it by its own.</summary>
    public required DateTimeOffset Until { get; init; }
}
