namespace PgCluster;

/// <summary>One who looks at the nodes and writes down what it sees: an agent, or an observer without a PostgreSQL.</summary>
public sealed record QuorumVoter
{
    /// <summary>Its name: an agent has that of its node.</summary>
    public required string Name { get; init; }

    /// <summary>True when it is the agent of a node of the configuration.</summary>
    public bool IsAgent { get; init; }

    /// <summary>True when it has looked within health.observer_timeout, and so counts.</summary>
    public bool Votes { get; init; }

    /// <summary>True when it has looked within health.failover_timeout, and so speaks.</summary>
    public bool Present { get; init; }

    /// <summary>Seconds since it last looked at any node; null when it never did or has no record.</summary>
    public double? AgeSeconds { get; init; }

    /// <summary>The nodes it saw well within health.failover_timeout.</summary>
    public IReadOnlyList<string> SeesHealthy { get; init => field = Indexable.Of(value); } = [];

    /// <summary>What is missing, in words; empty when nothing is.</summary>
    public string Evidence { get; init; } = "";

    /// <inheritdoc/>
    public override string ToString() => Name;
}
