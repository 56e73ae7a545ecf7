using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Handoff.Protocol;

namespace PgCluster.Handoff;

/// <summary>How a process takes part in handoffs.</summary>
public sealed record HandoffOptions
{
    /// <summary>
    /// The coordination directory, such as <c>/run/mydaemon/handoff</c>: on this host, there already, writable, and the same for all processes that
    /// follow one another. It should be writable by their user only.
    /// </summary>
    public required string Directory { get; init; }

    /// <summary>
    /// Name of this process among those: letters, digits, dot, dash and underscore. A living process's id must not be used again, such as that of the
    /// one that is to be followed; that of a dead one may.
    /// </summary>
    public required string Id { get; init; }

    /// <summary>How long an owner waits for a successor, from its request until it is ready; one minute unless set.</summary>
    public TimeSpan UpgradeTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>What the application calls its version, told to the other process; null for none.</summary>
    public string? ApplicationVersion { get; init; }

    /// <summary>
    /// What the application knows. Null when it hands over nothing but descriptors; it refuses to take over from a process that hands over more.
    /// </summary>
    public IApplicationState? State { get; init; }

    /// <summary>Where to log; nowhere unless set.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    /// <summary>The clock of timeouts and waits.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The versions of the protocol that this process speaks.</summary>
    internal ProtocolVersions Protocol { get; init; } = ProtocolVersions.Supported;

    /// <summary>Refuses what cannot work.</summary>
    /// <exception cref="ArgumentException">An option has no usable value; the message names it.</exception>
    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Directory);
        ArgumentException.ThrowIfNullOrEmpty(Id);
        if (!Linux.CoordinationDirectory.IsValidId(Id))
        {
            throw new ArgumentException($"'{Id}' cannot be an id: use up to {Linux.CoordinationDirectory.LongestId} letters, digits, dots, dashes and underscores, and begin with a letter or a digit.");
        }

        if (UpgradeTimeout <= TimeSpan.Zero || UpgradeTimeout > TimeSpan.FromDays(1))
        {
            throw new ArgumentException($"{nameof(UpgradeTimeout)} is {UpgradeTimeout}: it has to be more than nothing and at most a day.");
        }
    }
}
