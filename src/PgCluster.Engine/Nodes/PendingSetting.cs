namespace PgCluster.Engine.Nodes;

/// <summary>A setting that waits for a restart.</summary>
/// <param name="Name">The setting.</param>
/// <param name="Value">Its value now.</param>
/// <param name="NewValue">Its value after the restart, as it is written in the configuration; null when the server did not say.</param>
public sealed record PendingSetting(string Name, string Value, string? NewValue);
