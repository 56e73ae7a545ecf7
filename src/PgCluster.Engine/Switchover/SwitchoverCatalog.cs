namespace PgCluster.Engine.Switchover;

/// <summary>What a database holds of what is moved.</summary>
/// <param name="Tables">Tables with rows, leaves of partitioned ones included, by name.</param>
/// <param name="Sequences">Sequences, those of identity columns included, by name.</param>
public sealed record SwitchoverCatalog(IReadOnlyList<SwitchoverTable> Tables, IReadOnlyList<TableName> Sequences)
{
    /// <summary>Partitioned tables: they hold no rows themselves.</summary>
    public IReadOnlyList<TableName> Parents { get; init; } = [];

    /// <summary>Foreign keys with at least one end in what is moved; one on a partitioned table stands here once.</summary>
    public IReadOnlyList<SwitchoverForeignKey> ForeignKeys { get; init; } = [];

    /// <summary>Unique indexes, those of constraints and primary keys included.</summary>
    public IReadOnlyList<SwitchoverUnique> Uniques { get; init; } = [];

    /// <summary>Check and exclusion constraints of tables, and checks of domains.</summary>
    public IReadOnlyList<SwitchoverCheck> Checks { get; init; } = [];

    /// <summary>Limits of <see cref="Sequences"/>.</summary>
    public IReadOnlyList<SwitchoverSequence> SequenceLimits { get; init; } = [];

    /// <summary>Enum types.</summary>
    public IReadOnlyList<SwitchoverEnum> Enums { get; init; } = [];
}
