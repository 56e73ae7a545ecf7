using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;

namespace PgCluster.Engine.Election;

/// <summary>A node as an election sees it.</summary>
/// <param name="Name">The node.</param>
/// <param name="FailureDomain">Rack, zone or site.</param>
/// <param name="Weight">Preference among equals.</param>
/// <param name="Vote">What its agent said it has, after it took the server off its upstream; null when it did not answer.</param>
/// <param name="Silence">Why there is no vote.</param>
/// <param name="Barred">What an administrator has against it, for example that it is marked no_failover; null when nothing.</param>
/// <param name="Healthy">The observers' verdict; null when there is none.</param>
public sealed record ElectionNode(
    string Name, string FailureDomain, int Weight, PostgresStatus? Vote, string Silence = "", string? Barred = null, bool? Healthy = null);

/// <summary>Everything an election is decided by.</summary>
/// <param name="Nodes">Every node of the configuration.</param>
/// <param name="LastLeader">Who led last; null when nobody ever did.</param>
/// <param name="Synchronous">The synchronous policy the last leader ran under; null when none is recorded.</param>
/// <param name="MaxLag">Most bytes of WAL that a takeover may lose while no commit waits for a standby.</param>
public sealed record ElectionSituation(
    IReadOnlyList<ElectionNode> Nodes, LastLeader? LastLeader, SynchronousPolicyRecord? Synchronous, long MaxLag);
