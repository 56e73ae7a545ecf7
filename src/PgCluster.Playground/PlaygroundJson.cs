using System.Text.Json.Serialization;

namespace PgCluster.Playground;

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PlaygroundState))]
internal sealed partial class PlaygroundJson : JsonSerializerContext;
