namespace PgCluster.Engine.Configuration;

/// <summary>How a proxy follows the primary.</summary>
public sealed record ProxyConfig
{
    /// <summary>Time between two reads of the primary's key, beside the watch.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Budget of one such read.</summary>
    public TimeSpan GetTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time before a failed re-pointing is tried again, unless a newer primary comes first.</summary>
    public TimeSpan RetryInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Budget of one re-pointing of PgBouncer.</summary>
    public TimeSpan PoolerTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
