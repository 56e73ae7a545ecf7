namespace PgCluster.Engine.Pooling;

/// <summary>How a pooler follows the primary.</summary>
public sealed record PoolerFollowerOptions
{
    /// <summary>Budget of one attempt: render, reload and confirm.</summary>
    public TimeSpan PoolerTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time from a failed attempt to the next.</summary>
    public TimeSpan RetryInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time between two looks at what the pooler points to.</summary>
    public TimeSpan ConfirmInterval { get; init; } = TimeSpan.FromMilliseconds(2);
}
