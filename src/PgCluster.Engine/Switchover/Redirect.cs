using System.Text.Json;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Switchover;

/// <summary>
/// Another database that the cluster's clients move to, as one record in the store. It goes from Pending to Active by compare-and-put only, after the
/// pointer in the source database was flipped; without it poolers follow the primary.
/// </summary>
/// <param name="RunId">The switchover.</param>
/// <param name="State">How far it is.</param>
/// <param name="Host">Host of the other database, as the poolers reach it.</param>
/// <param name="Port">Its TCP port.</param>
/// <param name="Database">The other database's name.</param>
/// <param name="SourceDatabase">The database of this cluster that its clients leave.</param>
public sealed record Redirect(Guid RunId, RedirectState State, string Host, int Port, string Database, string SourceDatabase)
{
    /// <summary>Where poolers lead while it is in force.</summary>
    internal PoolerTarget Target => new(new PrimaryAddress(Host, Port), Database, Database == SourceDatabase ? null : SourceDatabase);

    /// <summary>False for a record that no pooler could follow.</summary>
    internal bool IsUsable =>
        PrimaryAddress.TryParse(Host is null ? null : new PrimaryAddress(Host, Port).ToHostAndPort(), out _)
        && !string.IsNullOrEmpty(Database) && !string.IsNullOrEmpty(SourceDatabase);

    /// <summary>As JSON, as it stands in the store.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.Redirect);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static Redirect? FromJson(string? json)
    {
        try
        {
            return json is not null && JsonSerializer.Deserialize(json, EngineJson.Default.Redirect) is { IsUsable: true } redirect ? redirect : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>host:port/database.</summary>
    public override string ToString() => $"{new PrimaryAddress(Host, Port).ToHostAndPort()}/{Database}";
}
