namespace PgCluster.Adapters.Switchover;

/// <summary>The one row of pgcluster_switchover.state.</summary>
public sealed record SwitchoverStateRow
{
    /// <summary>Whether this database is in charge.</summary>
    public required SwitchoverPointer Pointer { get; init; }

    /// <summary>The id of the database itself, whatever URL leads to it.</summary>
    public required Guid DbId { get; init; }

    /// <summary>The run it takes part in; null when none.</summary>
    public Guid? RunId { get; init; }

    /// <summary>What is to be moved where, as JSON; null when nothing is defined. Never a secret.</summary>
    public string? Definition { get; init; }

    /// <summary>When the row was changed, by the server's clock.</summary>
    public required DateTimeOffset ChangedAt { get; init; }
}
