using System.Text.Json;

namespace PgCluster.Engine.Pooling;

/// <summary>A <see cref="PoolerRestart"/> as JSON.</summary>
public static class PoolerRestartJson
{
    /// <summary>As JSON.</summary>
    public static string ToJson(PoolerRestart restart) => JsonSerializer.Serialize(restart, EngineJson.Default.PoolerRestart);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static PoolerRestart? FromJson(string json) => EngineJson.Read(json, EngineJson.Default.PoolerRestart);
}
