using PgCluster.Adapters.Toml;
using PgCluster.Engine.Configuration;

namespace PgCluster.Client;

/// <summary>Reads and writes configurations for those who know no package: cmdlets and command line.</summary>
public static class ClusterConfiguration
{
    /// <summary>Environment variable that names the configuration file when nobody else does.</summary>
    public const string FileVariable = "PGCLUSTER_CONFIG_FILE";

    /// <summary>The effective configuration: flag, then environment, then file, then default.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>.</exception>
    internal static LoadedConfig Load(string? configFile, IReadOnlyDictionary<string, string>? overrides) =>
        ConfigLoader.Load(configFile ?? Environment.GetEnvironmentVariable(FileVariable), null, overrides);
}
