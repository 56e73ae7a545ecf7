using System.Text.Json;

namespace PgCluster.Engine.Rejoin;

/// <summary>A node and the server it is to follow, seen one right after the other.</summary>
/// <param name="Node">The node that wants to come back.</param>
/// <param name="Upstream">The server to stream from.</param>
public sealed record RejoinSituation(RejoinNode Node, RejoinUpstream Upstream)
{
    /// <summary>As JSON, as an agent answers.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.RejoinSituation);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static RejoinSituation? FromJson(string json) => EngineJson.Read(json, EngineJson.Default.RejoinSituation);
}
