namespace PgCluster;

/// <summary>What is asked of an upgrade of daemons.</summary>
public sealed record DaemonUpgradeRequest
{
    /// <summary>Names of daemons; null for all that are found.</summary>
    public IReadOnlyList<string>? Names { get; init => field = Indexable.Of(value); }

    /// <summary>How long connections of the old process may go on; null for its agent.drain_timeout.</summary>
    public TimeSpan? DrainTimeout { get; init; }

    /// <summary>Why, for the history.</summary>
    public string Why { get; init; } = "";

    /// <summary>user@host of who asks.</summary>
    public string Actor { get; init; } = "";
}
