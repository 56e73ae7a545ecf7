namespace PgCluster.Engine.Switchover;

/// <summary>An enum type.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Labels">Its labels in order.</param>
public sealed record SwitchoverEnum(TableName Name, IReadOnlyList<string> Labels);
