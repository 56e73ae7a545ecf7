using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Pacemaker;
using PgCluster.Engine.Store;
using PgCluster.Engine.Switchover;

namespace PgCluster.Engine.Topology;

/// <summary>A whole cluster as one observer sees it: what every decision is made from.</summary>
public sealed record ClusterView
{
    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>What holds the cluster together.</summary>
    public ClusterManager Manager { get; init; }

    /// <summary>The store's health.</summary>
    public required StoreHealth Store { get; init; }

    /// <summary>The published address with its revisions; null when none is published.</summary>
    public StoreEntry? PublishedPrimary { get; init; }

    /// <summary>Who holds the lock; null when it is free.</summary>
    public StoreLockState? Lock { get; init; }

    /// <summary>The last decision; null when there was none.</summary>
    public OperationDecision? Decision { get; init; }

    /// <summary>The synchronous policy the primary last ran under; null when none was recorded.</summary>
    public SynchronousPolicyRecord? Synchronous { get; init; }

    /// <summary>Where clients move to, or have moved to; null while they belong to the primary.</summary>
    public Redirect? Redirect { get; init; }

    /// <summary>Every node of the configuration.</summary>
    public required IReadOnlyList<NodeObservation> Nodes { get; init; }

    /// <summary>Every pooler configured or registered.</summary>
    public required IReadOnlyList<PoolerObservation> Poolers { get; init; }

    /// <summary>Sessions on the primary that would keep a pooler from pausing.</summary>
    public IReadOnlyList<PauseBlocker> Blockers { get; init; } = [];

    /// <summary>
    /// True when the PostgreSQL of the published primary answers although no agent says that it runs as a primary: asked directly, over the network.
    /// </summary>
    public bool PublishedPrimaryAnswers { get; init; }

    /// <summary>Who holds the leader's lease; null when nobody does.</summary>
    public LeaderRecord? Leader { get; init; }

    /// <summary>The nodes that run as a primary: one in a sound cluster.</summary>
    public IEnumerable<NodeObservation> RunningPrimaries => Nodes.Where(n => n.IsRunningPrimary);

    /// <summary>The one primary; null when there is none or more than one.</summary>
    public NodeObservation? Primary => RunningPrimaries.Take(2).ToArray() is [var only] ? only : null;

    /// <summary>The evidence of a check that nobody runs as a primary: what each node is instead.</summary>
    public string NoPrimaryEvidence =>
        $"no node runs as a primary: {string.Join("; ", Nodes.Select(n => $"{n.Name} is {n.Node.Role} {n.Node.State}{(n.Node.Evidence.Length == 0 ? "" : $", {n.Node.Evidence}")}"))}";

    /// <summary>Pacemaker as the primary's agent sees it, or another one on the side with quorum; null when no agent can say, or it is not the manager.</summary>
    public PacemakerReport? Pacemaker =>
        Primary is { Pacemaker: { Error: null } own } ? own : Nodes.Select(n => n.Pacemaker).FirstOrDefault(p => p is { Error: null });

    /// <summary>The node the published address belongs to; null when none.</summary>
    public NodeObservation? PublishedNode =>
        PublishedPrimary is { } entry && PrimaryAddress.TryParse(entry.Value, out var address)
            ? Nodes.FirstOrDefault(n => n.Node.Host == address.Host && n.Node.Port == address.Port)
            : null;
}
