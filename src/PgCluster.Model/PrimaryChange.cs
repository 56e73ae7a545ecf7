namespace PgCluster;

/// <summary>What happened to the published address of the primary.</summary>
public enum PrimaryChangeKind
{
    /// <summary>The value when the watch began.</summary>
    Current = 0,

    /// <summary>A new address was published.</summary>
    Changed,

    /// <summary>The key was deleted: no primary is published.</summary>
    Removed,

    /// <summary>Events were missed (etcd had compacted them away, or was gone): what follows is the value of now.</summary>
    Gap,

    /// <summary>Two servers or more accept writes at the same time, asked themselves.</summary>
    SplitBrain,

    /// <summary>At most one of them does any more.</summary>
    SplitBrainEnded,
}

/// <summary>One event of <c>Watch-PgPrimary</c>.</summary>
public sealed record PrimaryChange
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>What happened.</summary>
    public required PrimaryChangeKind Kind { get; init; }

    /// <summary>Name of the node the address belongs to; null when none or unknown.</summary>
    public string? Primary { get; init; }

    /// <summary>The host published; null when none.</summary>
    public string? Host { get; init; }

    /// <summary>The port published; 0 when none.</summary>
    public int Port { get; init; }

    /// <summary>The primary before, as far as this watch saw it; null when unknown.</summary>
    public string? Previous { get; init; }

    /// <summary>The servers that accept writes at the same time, with a split brain; at its end, those that did. Else empty.</summary>
    public IReadOnlyList<WritingNode> Writers { get; init => field = Indexable.Of(value); } = [];

    /// <summary>The node that holds the leadership in etcd, with a split brain or its end; null when nobody does, or etcd does not answer.</summary>
    public string? Leader { get; init; }

    /// <summary>A split brain or its end in words; else empty.</summary>
    public string Evidence { get; init; } = "";

    /// <summary>etcd's revision of the event: orders all of them. With a split brain, which etcd knows nothing of, that of the event before it.</summary>
    public long Revision { get; init; }

    /// <summary>When this observer saw it.</summary>
    public DateTimeOffset ObservedAt { get; init; }
}
