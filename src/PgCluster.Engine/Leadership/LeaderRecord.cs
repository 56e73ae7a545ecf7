using System.Text.Json;

namespace PgCluster.Engine.Leadership;

/// <summary>
/// Value of <c>/leader</c>: the node that may run as a primary. It stands in the store before that node's server may accept writes, under a lease
/// that ends by itself when its agent dies.
/// </summary>
/// <param name="Node">The node.</param>
/// <param name="Timeline">The timeline it leads on.</param>
/// <param name="Term">Tells this term of leadership from every other.</param>
/// <param name="YieldsTo">
/// The operation the leader has stopped its server for, cleanly: that operation's target may take the leadership over. Null while it leads.
/// </param>
public sealed record LeaderRecord(string Node, int Timeline, string Term, string? YieldsTo = null)
{
    /// <summary>As JSON, as it stands in the store.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.LeaderRecord);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static LeaderRecord? FromJson(string? json) => EngineJson.Read(json, EngineJson.Default.LeaderRecord);
}
