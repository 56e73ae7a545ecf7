using System.Text.Json;
using System.Text.Json.Serialization;

namespace PgCluster.Handoff.Protocol;

/// <summary>How messages read as JSON.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    AllowOutOfOrderMetadataProperties = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectRequiredConstructorParameters = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(HandoffMessage))]
internal sealed partial class MessageJson : JsonSerializerContext;
