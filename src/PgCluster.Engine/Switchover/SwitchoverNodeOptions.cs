namespace PgCluster.Engine.Switchover;

/// <summary>What a participant is.</summary>
public sealed record SwitchoverNodeOptions
{
    /// <summary>Its id, of this process alone: one that restarts is another.</summary>
    public required Guid Id { get; init; }

    /// <summary>The id inside the current database.</summary>
    public required Guid CurrentDbId { get; init; }

    /// <summary>The id inside the next database.</summary>
    public required Guid NextDbId { get; init; }

    /// <summary>Limits, the same for all.</summary>
    public SwitchoverLimits Limits { get; init; } = new();
}
