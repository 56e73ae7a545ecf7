namespace PgCluster;

/// <summary>What one observer says of one node.</summary>
public sealed record NodeVote
{
    /// <summary>The observer's name.</summary>
    public required string Observer { get; init; }

    /// <summary>True when it saw the node well within health.failover_timeout.</summary>
    public bool Healthy { get; init; }

    /// <summary>True when it has looked at all within health.failover_timeout.</summary>
    public bool Fresh { get; init; }

    /// <summary>Seconds since it last looked; null when it never did.</summary>
    public double? AttemptAgeSeconds { get; init; }

    /// <summary>Seconds since it last saw the node well; null when it never did.</summary>
    public double? SuccessAgeSeconds { get; init; }

    /// <summary>True when the node's agent answered its last look.</summary>
    public bool AgentAnswers { get; init; }

    /// <summary>True when the node's PostgreSQL answered its last look.</summary>
    public bool PostgresAnswers { get; init; }

    /// <summary>Milliseconds its last look took.</summary>
    public double LatencyMs { get; init; }

    /// <summary>What its last look found, in words.</summary>
    public string Evidence { get; init; } = "";

    /// <inheritdoc/>
    public override string ToString() => $"{Observer}: {(Healthy ? "healthy" : "not healthy")}";
}
