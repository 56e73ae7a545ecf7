namespace PgCluster.Engine.Switchover;

/// <summary>What a database holds of what is moved.</summary>
/// <param name="Tables">Tables with rows, leaves of partitioned ones included, by name.</param>
/// <param name="Sequences">Sequences, those of identity columns included, by name.</param>
public sealed record SwitchoverCatalog(IReadOnlyList<SwitchoverTable> Tables, IReadOnlyList<TableName> Sequences);
