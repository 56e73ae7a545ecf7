using System.Text.Json.Serialization;

namespace PgCluster.Playground;

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(PlaygroundState))]
[JsonSerializable(typeof(Hosts.HostNetworkState))]
internal sealed partial class PlaygroundJson : JsonSerializerContext;
