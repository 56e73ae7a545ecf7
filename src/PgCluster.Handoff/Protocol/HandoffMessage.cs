using System.Text.Json.Serialization;

namespace PgCluster.Handoff.Protocol;

/// <summary>
/// A message between the two processes. What a version does not know of a message it does not read, so later versions can add to one.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Hello), "hello")]
[JsonDerivedType(typeof(Welcome), "welcome")]
[JsonDerivedType(typeof(State), "state")]
[JsonDerivedType(typeof(Accepted), "accepted")]
[JsonDerivedType(typeof(Descriptor), "descriptor")]
[JsonDerivedType(typeof(Ready), "ready")]
[JsonDerivedType(typeof(SteppingDown), "stepping-down")]
[JsonDerivedType(typeof(Refused), "refused")]
internal abstract record HandoffMessage
{
    /// <summary>The successor's first: who it is and what it speaks.</summary>
    internal sealed record Hello(string Id, uint Lowest, uint Highest, string? ApplicationVersion = null) : HandoffMessage;

    /// <summary>The owner's answer: the version that is spoken from here on, and what it is about to hand over.</summary>
    internal sealed record Welcome(string Id, uint Version, IReadOnlyList<DescriptorInfo> Descriptors, string? ApplicationVersion = null) : HandoffMessage;

    /// <summary>Version 1, from the owner: what the application knows. Without a version and content it hands nothing over.</summary>
    internal sealed record State(int? Version = null, byte[]? Content = null) : HandoffMessage;

    /// <summary>Version 1, from the successor: it can go on from that state.</summary>
    internal sealed record Accepted : HandoffMessage;

    /// <summary>From the owner, with one descriptor: what that is registered under.</summary>
    internal sealed record Descriptor(string Id) : HandoffMessage;

    /// <summary>From the successor: it serves, and wants to be the owner.</summary>
    internal sealed record Ready : HandoffMessage;

    /// <summary>The owner's last word: it is none any more.</summary>
    internal sealed record SteppingDown : HandoffMessage;

    /// <summary>From either: nothing comes of it.</summary>
    internal sealed record Refused(RefusalCode Code, string Reason) : HandoffMessage;
}
