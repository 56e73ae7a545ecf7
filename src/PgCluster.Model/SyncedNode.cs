namespace PgCluster;

/// <summary>The node chosen to serve a read.</summary>
public sealed record SyncedNode
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>The node's name.</summary>
    public required string Name { get; init; }

    /// <summary>Host name or address of its PostgreSQL.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port of its PostgreSQL.</summary>
    public required int Port { get; init; }

    /// <summary>Primary or standby.</summary>
    public NodeRole Role { get; init; }

    /// <summary>Bytes of WAL it had not replayed when it was looked at; null on a primary, or when unknown.</summary>
    public long? LagBytes { get; init; }

    /// <summary>Seconds since its last replayed commit while WAL was outstanding; null on a primary, or when unknown.</summary>
    public double? LagSeconds { get; init; }

    /// <summary>What it had replayed; text form, null on a primary.</summary>
    public string? ReplayLsn { get; init; }

    /// <summary>Why it was chosen.</summary>
    public string Evidence { get; init; } = "";

    /// <summary>Every node with what speaks for or against it.</summary>
    public IReadOnlyList<ReadVerdict> Considered { get; init => field = Indexable.Of(value); } = [];
}
