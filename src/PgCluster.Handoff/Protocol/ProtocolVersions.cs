namespace PgCluster.Handoff.Protocol;

/// <summary>
/// The versions of the protocol that a process speaks. 0: descriptors, and a ready that is answered. 1: the application's version and state as well.
/// Two processes speak the highest version that both know.
/// </summary>
/// <param name="Lowest">The lowest.</param>
/// <param name="Highest">The highest.</param>
internal readonly record struct ProtocolVersions(uint Lowest, uint Highest)
{
    /// <summary>The first version that carries the application's version and state.</summary>
    public const uint WithState = 1;

    /// <summary>What this build speaks.</summary>
    public static ProtocolVersions Supported { get; } = new(0, WithState);

    /// <summary>The version that two processes speak; null when they have none in common.</summary>
    public static uint? Agree(ProtocolVersions one, ProtocolVersions other)
    {
        var highest = Math.Min(one.Highest, other.Highest);
        return highest >= one.Lowest && highest >= other.Lowest ? highest : null;
    }
}
