namespace PgCluster.Engine.Switchover;

/// <summary>What a participant says of itself in a hello.</summary>
public sealed record SwitchoverNodeData
{
    /// <summary>True when it could lead.</summary>
    public required bool CanExec { get; init; }

    /// <summary>The id that stands inside the database it takes for the current one.</summary>
    public required Guid CurrentDbId { get; init; }

    /// <summary>The id that stands inside the database it takes for the next one.</summary>
    public required Guid NextDbId { get; init; }

    /// <summary>When it started, by its clock.</summary>
    public required DateTimeOffset StartedAt { get; init; }
}
