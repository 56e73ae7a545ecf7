using PgCluster.Engine.Roles;

namespace PgCluster.Engine.Synchronous;

/// <summary>Another node, as the leader judges it for its list.</summary>
/// <param name="Name">The node; it streams under this name.</param>
/// <param name="FailureDomain">Rack, zone or site; empty when unknown.</param>
/// <param name="Weight">Preference among equals.</param>
/// <param name="MayLead">False for one marked no_failover: a commit that only it has could not be saved by promoting it.</param>
/// <param name="WellFor">How long it has streamed, within the lag limit and healthy, without a break; null when it does not.</param>
/// <param name="GoneFor">How long it has not streamed, not moved although there was WAL to flush, or been unhealthy; null when it is there.</param>
/// <param name="Absence">How long it may be gone before commits do not wait for it any more.</param>
public sealed record SynchronousStandby(
    string Name, string FailureDomain, int Weight, bool MayLead, TimeSpan? WellFor, TimeSpan? GoneFor, TimeSpan Absence)
{
    /// <summary>True when it is out of service: no commit waits for it, and it may lead later.</summary>
    public bool IsSuspended { get; init; }

    /// <summary>False for one that commits are not to wait for while there are voters enough.</summary>
    public bool IsVoter { get; init; } = true;

    /// <summary>True when commits need not wait for it any more.</summary>
    public bool IsLost => GoneFor is { } gone && gone >= Absence;

    /// <summary>What the order of preference looks at.</summary>
    public NodeMerits Merits => new(Name, FailureDomain, Weight);
}
