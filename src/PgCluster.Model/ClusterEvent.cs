namespace PgCluster;

/// <summary>One event of <c>Watch-PgCluster</c>.</summary>
public sealed record ClusterEvent
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>What happened.</summary>
    public required ClusterEventKind Kind { get; init; }

    /// <summary>The node it is about; null when it is about no single one.</summary>
    public string? Node { get; init; }

    /// <summary>The pooler it is about; null when it is about none.</summary>
    public string? Pooler { get; init; }

    /// <summary>Id of the operation; null when it belongs to none.</summary>
    public string? Operation { get; init; }

    /// <summary>How an operation ended; null for everything else.</summary>
    public OperationOutcome? Outcome { get; init; }

    /// <summary>What the observers agree on now; null for everything but <see cref="ClusterEventKind.HealthChanged"/>.</summary>
    public HealthState? Health { get; init; }

    /// <summary>Who did it: user@host, or an agent; null when unknown.</summary>
    public string? Actor { get; init; }

    /// <summary>The cause, as whoever did it said it; empty when unknown.</summary>
    public string Why { get; init; } = "";

    /// <summary>
    /// Seconds: of an operation, a suspension or a pause how long it took, of a leader that is gone how long it led, of a new leader how long nobody led. Null when this watch did
    /// not see the beginning.
    /// </summary>
    public double? DurationSeconds { get; init; }

    /// <summary>What happened, in words.</summary>
    public string Evidence { get; init; } = "";

    /// <summary>etcd's revision of the event: orders all of them. Of a change of health, that of the last thing seen before it.</summary>
    public long Revision { get; init; }

    /// <summary>When this watch saw it.</summary>
    public DateTimeOffset ObservedAt { get; init; }
}
