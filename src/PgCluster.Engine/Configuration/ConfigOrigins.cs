namespace PgCluster.Engine.Configuration;

/// <summary>Where each value of a configuration came from, by path.</summary>
public sealed class ConfigOrigins
{
    readonly Dictionary<string, ConfigOrigin> _origins = new(StringComparer.Ordinal);

    /// <summary>The origin of one value.</summary>
    /// <param name="path">For example failover.pause_timeout, or nodes[0].port.</param>
    public ConfigOrigin this[string path]
    {
        get => _origins.GetValueOrDefault(path, ConfigOrigin.Default);
        internal set => _origins[path] = value;
    }
}
