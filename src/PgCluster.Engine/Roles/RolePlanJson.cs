using System.Text.Json;

namespace PgCluster.Engine.Roles;

/// <summary>A plan on its way from the leader to whoever asked.</summary>
public static class RolePlanJson
{
    /// <summary>As JSON.</summary>
    public static string ToJson(RolePlan plan) => JsonSerializer.Serialize(plan, EngineJson.Default.RolePlan);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static RolePlan? FromJson(string json) => EngineJson.Read(json, EngineJson.Default.RolePlan);
}
