using System.Text.Json;
using System.Text.Json.Serialization;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Pooling;
using PgCluster.Handoff;

namespace PgCluster.Agent.Hosting;

/// <summary>
/// What a daemon's successor goes on from. A leader's lease is not in it: that stands in etcd, and the node's next agent takes it over there, whoever it is.
/// </summary>
/// <param name="Pauses">What is held of each pooler that the process keeps, by its name.</param>
/// <param name="Node">What the agent of a node remembers; null for a process that is none.</param>
internal sealed record HandedState(IReadOnlyDictionary<string, KeptPause> Pauses, NodeMemory? Node)
{
    // Only what an older process could not go on from gets the next one: it skips what it does not know.
    private const int Version = 1;

    /// <summary>That of a process which knows nothing that anybody needs.</summary>
    public static HandedState Empty { get; } = new(new Dictionary<string, KeptPause>(), null);

    public StateSnapshot ToSnapshot() => new(Version, JsonSerializer.SerializeToUtf8Bytes(this, DaemonJson.Default.HandedState));

    /// <exception cref="HandoffRefusedException">It is not one that this process can go on from.</exception>
    public static HandedState Read(StateSnapshot? snapshot, string? applicationVersion)
    {
        if (snapshot is not { Version: <= Version })
        {
            throw new HandoffRefusedException(
                $"pgcluster {ProductVersion.Text} cannot go on from the state of {applicationVersion ?? "an unknown version"} ({(snapshot is null ? "none" : $"form {snapshot.Version}")}, this one reads {Version}): stop that one before this one is started");
        }

        try
        {
            return JsonSerializer.Deserialize(snapshot.Content.Span, DaemonJson.Default.HandedState) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new HandoffRefusedException($"the state of the running process cannot be read: {e.Message}");
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(HandedState))]
internal sealed partial class DaemonJson : JsonSerializerContext;
