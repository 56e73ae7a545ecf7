using PgCluster.Engine.Configuration;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Health;

/// <summary>Everything a checkup looks at. What could not be had is null and shows as a warning or a failure of its own.</summary>
public sealed record CheckupFacts
{
    /// <summary>The configuration.</summary>
    public required ClusterConfig Config { get; init; }

    /// <summary>The cluster as this caller sees it.</summary>
    public required ClusterView View { get; init; }

    /// <summary>False when leader and suspension could not be read: then their absence says nothing.</summary>
    public bool StoreWasRead { get; init; } = true;

    /// <summary>Who leads; null when nobody does.</summary>
    public LeaderRecord? Leader { get; init; }

    /// <summary>Who led last, and how.</summary>
    public LastLeader? LastLeader { get; init; }

    /// <summary>The suspension in force; null when none is.</summary>
    public ClusterSuspension? Suspension { get; init; }

    /// <summary>What the observers agree on; null when it cannot be read.</summary>
    public ConsensusView? Consensus { get; init; }

    /// <summary>Who would lead next; null when it cannot be found out.</summary>
    public ElectionOutlook? Outlook { get; init; }

    /// <summary>Of each agent that answered, how far its clock is ahead of this machine's at least; negative when it is behind.</summary>
    public IReadOnlyDictionary<string, TimeSpan> ClockOffsets { get; init; } = new Dictionary<string, TimeSpan>();

    /// <summary>Of each server that let this caller ask, its settings.</summary>
    public IReadOnlyDictionary<string, ServerSettings> Settings { get; init; } = new Dictionary<string, ServerSettings>();
}
