namespace PgCluster.Engine.Pooling;

/// <summary>A key's value at a revision.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">Its value; null when the key is absent. An empty value is a value.</param>
/// <param name="Revision">The revision that made it so, or, of an absent key, at which it was not there.</param>
public sealed record KeyedValue(string Key, string? Value, long Revision);
