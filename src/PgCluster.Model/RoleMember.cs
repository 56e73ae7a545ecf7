namespace PgCluster;

/// <summary>A member of a cluster, as roles are decided by.</summary>
public sealed record RoleMember
{
    /// <summary>The node's name.</summary>
    public required string Name { get; init; }

    /// <summary>Its role now. The primary is always a voter.</summary>
    public MemberRole Role { get; init; }

    /// <summary>True for the primary.</summary>
    public bool IsPrimary { get; init; }

    /// <summary>Rack, zone or site; nodes of one domain may fail together. A node without one is a domain of its own.</summary>
    public string FailureDomain { get; init; } = "";

    /// <summary>Preference among equals; higher is taken first.</summary>
    public int Weight { get; init; }

    /// <summary>Whether it is well, as the observers have agreed on for long enough.</summary>
    public bool IsOnline { get; init; } = true;

    /// <summary>True when it must never be promoted: it is no voter then, because a commit that only it has could not be saved.</summary>
    public bool NoFailover { get; init; }

    /// <summary>Who has taken it out of service, until when and why, in words; null while it is in service. No commit waits for it then, and no other role is given or taken.</summary>
    public string? Suspended { get; init; }

    /// <summary>True when it has been taken out of service to give its role away: it is to be a spare.</summary>
    public bool HandsOver { get; init; }
}
