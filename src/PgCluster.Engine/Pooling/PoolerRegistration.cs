using System.Text.Json;

namespace PgCluster.Engine.Pooling;

/// <summary>A pooler as its keeper registers it in the store: <see cref="PoolerInfo"/> as JSON.</summary>
public static class PoolerRegistration
{
    /// <summary>As JSON.</summary>
    public static string ToJson(PoolerInfo pooler) => JsonSerializer.Serialize(pooler, EngineJson.Default.PoolerInfo);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static PoolerInfo? FromJson(string json) => EngineJson.Read(json, EngineJson.Default.PoolerInfo);
}
