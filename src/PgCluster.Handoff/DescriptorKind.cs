using System.Text.Json.Serialization;

namespace PgCluster.Handoff;

/// <summary>What a descriptor is.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<DescriptorKind>))]
public enum DescriptorKind
{
    /// <summary>A socket that listens.</summary>
    [JsonStringEnumMemberName("listener")]
    Listener,

    /// <summary>A connected socket.</summary>
    [JsonStringEnumMemberName("connection")]
    Connection,

    /// <summary>A file, pipe or device.</summary>
    [JsonStringEnumMemberName("file")]
    File,
}
