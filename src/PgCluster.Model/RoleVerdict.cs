namespace PgCluster;

/// <summary>What a role plan makes of one member, and why nothing else.</summary>
public sealed record RoleVerdict
{
    /// <summary>The member.</summary>
    public required string Node { get; init; }

    /// <summary>True for the primary after the plan.</summary>
    public bool IsPrimary { get; init; }

    /// <summary>Its role before.</summary>
    public MemberRole Before { get; init; }

    /// <summary>Its role after.</summary>
    public MemberRole After { get; init; }

    /// <summary>Whether it is well.</summary>
    public bool IsOnline { get; init; }

    /// <summary>Rack, zone or site.</summary>
    public string FailureDomain { get; init; } = "";

    /// <summary>Preference among equals.</summary>
    public int Weight { get; init; }

    /// <summary>Why it has this role after, and no better one.</summary>
    public required string Why { get; init; }
}
