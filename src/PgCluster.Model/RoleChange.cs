namespace PgCluster;

/// <summary>One step of a role plan. A later one is not begun before this one has taken effect.</summary>
public sealed record RoleChange
{
    /// <summary>Its number, from 1.</summary>
    public int Step { get; init; }

    /// <summary>What it does.</summary>
    public RoleChangeKind Kind { get; init; }

    /// <summary>The member it is done to.</summary>
    public required string Node { get; init; }

    /// <summary>Its role before.</summary>
    public MemberRole From { get; init; }

    /// <summary>Its role after.</summary>
    public MemberRole To { get; init; }

    /// <summary>Why, in words.</summary>
    public required string Why { get; init; }

    /// <summary>True when the cluster has fewer voters afterwards than it had and is to have: commits are on fewer nodes.</summary>
    public bool Degrades { get; init; }

    /// <summary>Who else would do, the best first: tried in this order when the node cannot take the role.</summary>
    public IReadOnlyList<string> Otherwise { get; init => field = Indexable.Of(value); } = [];
}
