using System.Text.Json;

namespace PgCluster.Engine.Health;

/// <summary>What one observer writes of all nodes, in one key, so that its word is never half old and half new.</summary>
/// <param name="Observer">The observer's name: the node's when it is an agent.</param>
/// <param name="WrittenAt">When, by the observer's wall clock; for people, no verdict of an agent rests on it.</param>
/// <param name="Votes">One for each node it has looked at.</param>
public sealed record HealthReport(string Observer, DateTimeOffset WrittenAt, IReadOnlyList<HealthVote> Votes)
{
    /// <summary>As JSON, as it stands in the store.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.HealthReport);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static HealthReport? FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, EngineJson.Default.HealthReport) is { Observer.Length: > 0, Votes: not null } report ? report : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
