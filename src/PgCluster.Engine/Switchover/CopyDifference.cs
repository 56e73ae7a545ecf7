namespace PgCluster.Engine.Switchover;

/// <summary>Something in which the copy of a table is not its original.</summary>
/// <param name="Table">The table.</param>
/// <param name="What">rows, or checksum.</param>
/// <param name="Source">The source's value.</param>
/// <param name="Target">The target's value.</param>
public sealed record CopyDifference(TableName Table, string What, string Source, string Target);
