using System.Text.Json;

namespace PgCluster.Engine.Membership;

/// <summary>
/// Value of <c>/cluster</c>: which database system this cluster is. Written once, by the first leader or by whoever initialises the cluster, and never changed:
/// a server with another system identifier is not of this cluster, and its agent leaves it alone.
/// </summary>
/// <param name="SystemIdentifier">PostgreSQL's system identifier, made by initdb and the same on every server of the cluster.</param>
/// <param name="Name">The cluster's name.</param>
/// <param name="InitializedAt">When it was written, by the writer's clock.</param>
/// <param name="By">Who wrote it: user@host, or an agent.</param>
public sealed record ClusterIdentity(string SystemIdentifier, string Name, DateTimeOffset InitializedAt, string By)
{
    /// <summary>True when that system identifier is known and not this cluster's.</summary>
    public bool IsForeign(string? systemIdentifier) => systemIdentifier is not null && systemIdentifier != SystemIdentifier;

    /// <summary>As JSON, as it stands in the store.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.ClusterIdentity);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static ClusterIdentity? FromJson(string? json) => EngineJson.Read(json, EngineJson.Default.ClusterIdentity);
}
