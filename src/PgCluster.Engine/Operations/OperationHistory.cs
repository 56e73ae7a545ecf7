using System.Text.Json;

namespace PgCluster.Engine.Operations;

/// <summary>Reports as they stand in the history: JSON under a key that sorts by time.</summary>
public static class OperationHistory
{
    /// <summary>As JSON.</summary>
    public static string ToJson(OperationReport report) => JsonSerializer.Serialize(report, EngineJson.Default.OperationReport);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static OperationReport? FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, EngineJson.Default.OperationReport);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
