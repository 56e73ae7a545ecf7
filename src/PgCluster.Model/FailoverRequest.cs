namespace PgCluster;

/// <summary>What was asked of a failover.</summary>
public sealed record FailoverRequest
{
    /// <summary>The node to promote; null for the best.</summary>
    public string? Target { get; init; }

    /// <summary>Go on although the primary is gone.</summary>
    public bool Force { get; init; }

    /// <summary>Go on although nobody can vouch for every acknowledged commit.</summary>
    public bool AllowDataLoss { get; init; }

    /// <summary>What to do with sessions that would keep a pooler from pausing.</summary>
    public BlockerPolicy BlockerPolicy { get; init; }

    /// <summary>Key of a lock that the caller holds already, as pgsql-cluster-manager's client does; its pauses stay in its hands. Null to take the lock.</summary>
    public string? HeldLockKey { get; init; }

    /// <summary>Why, for the history.</summary>
    public string Why { get; init; } = "";

    /// <summary>user@host of who asks.</summary>
    public string Actor { get; init; } = "";
}
