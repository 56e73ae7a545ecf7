using System.Text.Json;

namespace PgCluster.Engine.Daemons;

/// <summary>A daemon as it writes itself down: <see cref="ClusterDaemon"/> as JSON.</summary>
public static class DaemonRecord
{
    /// <summary>As JSON.</summary>
    public static string ToJson(ClusterDaemon daemon) => JsonSerializer.Serialize(daemon, EngineJson.Default.ClusterDaemon);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static ClusterDaemon? FromJson(string json) => EngineJson.Read(json, EngineJson.Default.ClusterDaemon);
}
