namespace PgCluster.Engine.Switchover;

/// <summary>A foreign key.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Table">The table that refers.</param>
/// <param name="Referenced">The table referred to.</param>
/// <param name="Definition">As pg_get_constraintdef says, names qualified.</param>
/// <param name="Deferrable">True when it can wait for the commit.</param>
public sealed record SwitchoverForeignKey(string Name, TableName Table, TableName Referenced, string Definition, bool Deferrable);
