namespace PgCluster;

/// <summary>One participant of a switchover, or an application that is connected without being one.</summary>
public sealed record SwitchoverNodeStatus
{
    /// <summary>The participant's id; unknown-NAME for connections whose application_name is no participant's.</summary>
    public required string Id { get; init; }

    /// <summary>True when it could lead a run.</summary>
    public bool CanExec { get; init; }

    /// <summary>True when it leads.</summary>
    public bool IsLeader { get; init; }

    /// <summary>Seconds since it started; null when it did not answer the last reset.</summary>
    public double? UptimeSeconds { get; init; }

    /// <summary>What is wrong with its configuration; null when nothing is.</summary>
    public string? ConfigError { get; init; }

    /// <summary>Its connections to both databases, by name.</summary>
    public IReadOnlyList<SwitchoverConnectionCount> Connections { get; init => field = Indexable.Of(value); } = [];
}
