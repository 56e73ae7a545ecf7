namespace PgCluster.Adapters.Switchover;

/// <summary>Objects of a database, as pg_identify_object says: what was there before the schema was brought over. A run keeps it to undo later.</summary>
/// <param name="Objects">type and identity of each, divided by a blank.</param>
public sealed record SchemaInventory(IReadOnlyList<string> Objects);
