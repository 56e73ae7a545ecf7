namespace PgCluster;

/// <summary>What was asked when a node is to be taken out of service.</summary>
public sealed record NodeSuspensionRequest
{
    /// <summary>The node.</summary>
    public required string Node { get; init; }

    /// <summary>For how long; null until a person resumes it.</summary>
    public TimeSpan? Length { get; init; }

    /// <summary>Move the primary away from it, and wait until no client session is left on it.</summary>
    public bool Drain { get; init; }

    /// <summary>How long to wait for the sessions.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Go on although commits will wait for fewer standbys than the policy asks for.</summary>
    public bool Force { get; init; }

    /// <summary>Why; others are told.</summary>
    public string Why { get; init; } = "";

    /// <summary>user@host of who asks.</summary>
    public string Actor { get; init; } = "";
}
