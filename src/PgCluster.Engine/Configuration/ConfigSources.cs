namespace PgCluster.Engine.Configuration;

/// <summary>What a configuration is bound from. Flags go before the environment, that before the file, that before the defaults.</summary>
public sealed record ConfigSources
{
    /// <summary>The file's contents, ours or in the words of pgsql-cluster-manager; null when there is no file.</summary>
    public ConfigValue.Table? File { get; init; }

    /// <summary>What errors and comments call the file.</summary>
    public string FileName { get; init; } = "";

    /// <summary>What relative paths in the file are relative to; null leaves them as they are.</summary>
    public string? FileDirectory { get; init; }

    /// <summary>What relative paths in the environment and in flags are relative to; null leaves them as they are.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Environment variables; those without our prefix are not looked at, and an empty one counts as not set.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Flags by the path of their option, for example failover.pause_timeout.</summary>
    public IReadOnlyDictionary<string, string> Flags { get; init; } = new Dictionary<string, string>();
}
