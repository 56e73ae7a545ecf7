namespace PgCluster.Engine.Configuration;

/// <summary>A configuration as it is in effect, and where it came from.</summary>
/// <param name="Config">The values.</param>
/// <param name="Origins">Where each came from.</param>
/// <param name="File">The file it was read from; null when none.</param>
public sealed record LoadedConfig(ClusterConfig Config, ConfigOrigins Origins, string? File);
