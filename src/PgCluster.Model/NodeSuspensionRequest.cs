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

    /// <summary>Give its role to another node, and move the primary away from it: it is a spare until it is back in service.</summary>
    public bool HandsOver { get; init; }

    /// <summary>How long all of it may take; what has been done is undone then, but for a primary that has moved. Null for as long as its steps may.</summary>
    public TimeSpan? Limit { get; init; }

    /// <summary>How long to wait for the sessions.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Go on although commits will wait for fewer standbys than the policy asks for.</summary>
    public bool Force { get; init; }

    /// <summary>Why; others are told.</summary>
    public string Why { get; init; } = "";

    /// <summary>user@host of who asks.</summary>
    public string Actor { get; init; } = "";
}
