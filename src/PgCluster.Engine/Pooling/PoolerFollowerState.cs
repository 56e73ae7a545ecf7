namespace PgCluster.Engine.Pooling;

/// <summary>How far a pooler has followed what the store says.</summary>
public sealed record PoolerFollowerState
{
    /// <summary>What the pooler was last confirmed to point to; null before the first time.</summary>
    public PoolerTarget? Target { get; init; }

    /// <summary>Revision of <see cref="Target"/>; 0 before the first time.</summary>
    public long Revision { get; init; }

    /// <summary>When that was confirmed, by this process's clock; null before the first time.</summary>
    public DateTimeOffset? AppliedAt { get; init; }

    /// <summary>The newest revision seen, applied or not.</summary>
    public long SeenRevision { get; init; }

    /// <summary>The announced run whose redirect was tried on paper; null when none is announced.</summary>
    public Guid? Rehearsed { get; init; }

    /// <summary>Why that redirect could not be followed; null when it could.</summary>
    public string? Objection { get; init; }

    /// <summary>Why the newest revision is not applied; null when it is, or is on its way.</summary>
    public string? LastError { get; init; }
}
