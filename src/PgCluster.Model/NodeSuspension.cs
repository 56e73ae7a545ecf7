using System.Globalization;

namespace PgCluster;

/// <summary>
/// A node out of service: never promoted, not read from, no commit waits for it. What runs on it goes on, and a primary stays the primary until it is moved.
/// </summary>
public sealed record NodeSuspension
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>The node.</summary>
    public required string Name { get; init; }

    /// <summary>user@host of who asked for it.</summary>
    public required string Owner { get; init; }

    /// <summary>Why.</summary>
    public string Why { get; init; } = "";

    /// <summary>Since when, by the owner's clock.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Until when, by the owner's clock; etcd ends it by its own. Null when only a person ends it.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>True when it has given its role to another node, and is a spare until it is back in service.</summary>
    public bool HandsOver { get; init; }

    /// <summary>After a drain: the client sessions that were left when its time was over. Null when nothing was drained.</summary>
    public IReadOnlyList<ClientSession>? Sessions { get; init => field = Indexable.Of(value); }

    /// <summary>Who, until when and why.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{(HandsOver ? "handed over" : "suspended")} by {Owner}{(Until is { } until ? $" until {until.ToUniversalTime():u}" : "")}: {Why}");
}
