namespace PgCluster;

/// <summary>The changes that bring a cluster's members into the roles asked for, in an order in which nobody leaves a role before another has taken it.</summary>
public sealed record RolePlan
{
    /// <summary>The primary now.</summary>
    public required string Primary { get; init; }

    /// <summary>The node that hands its roles over; null when the plan is to balance the cluster.</summary>
    public string? HandsOver { get; init; }

    /// <summary>What was asked for.</summary>
    public required RoleRequest Request { get; init; }

    /// <summary>The changes in order.</summary>
    public required IReadOnlyList<RoleChange> Changes { get; init => field = Indexable.Of(value); }

    /// <summary>Every member, with the reason for its role.</summary>
    public required IReadOnlyList<RoleVerdict> Members { get; init => field = Indexable.Of(value); }

    /// <summary>False when more changes are needed than a plan may have.</summary>
    public bool IsComplete { get; init; } = true;

    /// <summary>What a person should know: places that nobody can take, voters that are missed or dropped.</summary>
    public IReadOnlyList<string> Warnings { get; init => field = Indexable.Of(value); } = [];
}
