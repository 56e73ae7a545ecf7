namespace PgCluster;

/// <summary>The three views of a node's health side by side: of this caller, of the quorum, and of the administrator.</summary>
public sealed record NodeHealth
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>The node's name.</summary>
    public required string Name { get; init; }

    /// <summary>As this caller sees it, looked at now.</summary>
    public HealthState Local { get; init; }

    /// <summary>As the observers agree.</summary>
    public HealthState Consensus { get; init; }

    /// <summary>What an administrator decided: Normal, NoFailover for a node that must never be promoted, or Suspended for one that is out of service.</summary>
    public string Administrative { get; init; } = "Normal";

    /// <summary>Who has taken the node out of service, until when and why, in words; null while it is in service.</summary>
    public string? Suspended { get; init; }

    /// <summary>Observers that saw the node well within health.failover_timeout.</summary>
    public int HealthyVotes { get; init; }

    /// <summary>How many of these make it healthy.</summary>
    public int Needed { get; init; }

    /// <summary>How many observers have a vote.</summary>
    public int Voters { get; init; }

    /// <summary>Milliseconds this caller's look took.</summary>
    public double LatencyMs { get; init; }

    /// <summary>What this caller's look found, in words.</summary>
    public string Evidence { get; init; } = "";

    /// <summary>Each voter's word, by name.</summary>
    public IReadOnlyList<NodeVote> Votes { get; init => field = Indexable.Of(value); } = [];
}
