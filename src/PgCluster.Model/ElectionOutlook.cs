namespace PgCluster;

/// <summary>Who would lead a cluster next, and why nobody else.</summary>
public sealed record ElectionOutlook
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>Who leads now; null when nobody does.</summary>
    public string? Leader { get; init; }

    /// <summary>Who would lead next; null when nobody may.</summary>
    public string? Winner { get; init; }

    /// <summary>True when the winner is known to have every acknowledged commit.</summary>
    public bool Vouched { get; init; }

    /// <summary>True while no election is held: automatic failover is off or suspended.</summary>
    public bool Suspended { get; init; }

    /// <summary>Why, in words.</summary>
    public string Evidence { get; init; } = "";

    /// <summary>Every node, the best first, with what speaks for or against it.</summary>
    public IReadOnlyList<CandidateVerdict> Candidates { get; init => field = Indexable.Of(value); } = [];
}
