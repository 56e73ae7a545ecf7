using System.Text.Json;
using System.Text.Json.Serialization;

namespace PgCluster.Engine.Nodes;

/// <summary>A node as its own agent describes it; published in the store and answered by the agent.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="Postgres">Its server.</param>
/// <param name="AgentVersion">Version of the agent.</param>
/// <param name="ObservedAt">When, by the agent's clock.</param>
public sealed record NodeReport(string Name, PostgresStatus Postgres, string AgentVersion, DateTimeOffset ObservedAt)
{
    /// <summary>Host and port of the server as the agent's own configuration has them: what clients are led to while it is the primary. Null from an agent before this version.</summary>
    public string? Address { get; init; }

    /// <summary>Machine and data directory of the agent: tells an agent that was started again from another one of the same name. Null from an agent before this version.</summary>
    public string? Place { get; init; }

    /// <summary>True when the server ran already when its agent came: somebody else had started it.</summary>
    public bool FoundRunning { get; init; }

    /// <summary>Revision of the latest change of the cluster's members that the agent works by; -1 before it has read any.</summary>
    public long MembersRevision { get; init; }

    /// <summary>What the agent sees of Pacemaker; null where that is not the cluster's manager.</summary>
    public Pacemaker.PacemakerReport? Pacemaker { get; init; }

    /// <summary>As JSON, as it stands in the store.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.NodeReport);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static NodeReport? FromJson(string json) => EngineJson.Read(json, EngineJson.Default.NodeReport);
}

/// <summary>Writes an LSN as PostgreSQL does.</summary>
internal sealed class LsnJsonConverter : JsonConverter<Lsn>
{
    public override Lsn Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Lsn.TryParse(reader.GetString(), out var lsn) ? lsn : throw new JsonException("not an LSN");

    public override void Write(Utf8JsonWriter writer, Lsn value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}
