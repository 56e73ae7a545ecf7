namespace PgCluster.Engine.Switchover;

/// <summary>A check or exclusion constraint.</summary>
/// <param name="Owner">The table or domain it is on.</param>
/// <param name="Name">Its name.</param>
/// <param name="Definition">As pg_get_constraintdef says, names qualified.</param>
public sealed record SwitchoverCheck(TableName Owner, string Name, string Definition);
