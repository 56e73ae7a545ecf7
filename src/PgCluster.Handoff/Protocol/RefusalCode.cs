using System.Text.Json.Serialization;

namespace PgCluster.Handoff.Protocol;

/// <summary>Why a process does not go on, as it stands on the wire.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RefusalCode>))]
internal enum RefusalCode
{
    /// <summary>The owner serves another successor, or is none at this moment: look again.</summary>
    [JsonStringEnumMemberName("not-now")]
    NotNow,

    /// <summary>The other process is another user's.</summary>
    [JsonStringEnumMemberName("not-trusted")]
    NotTrusted,

    /// <summary>No version of the protocol in common, or a message that has no place there.</summary>
    [JsonStringEnumMemberName("protocol")]
    Protocol,

    /// <summary>The application's state cannot be given or taken.</summary>
    [JsonStringEnumMemberName("state")]
    State,

    /// <summary>The handoff took too long, or the process was stopped.</summary>
    [JsonStringEnumMemberName("over")]
    Over,

    /// <summary>Something broke.</summary>
    [JsonStringEnumMemberName("failed")]
    Failed,
}
