namespace PgCluster;

/// <summary>What is asked of an adjustment of the roles.</summary>
public sealed record RoleAdjustmentRequest
{
    /// <summary>Most changes of the adjustment; 0 for as many as the leader makes by itself in one round.</summary>
    public int MaxSteps { get; init; }

    /// <summary>True to see the plan and change nothing.</summary>
    public bool PlanOnly { get; init; }

    /// <summary>Why, for the history.</summary>
    public string Why { get; init; } = "";

    /// <summary>user@host of who asks.</summary>
    public string Actor { get; init; } = "";
}
