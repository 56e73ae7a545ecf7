using PgCluster.Engine.Health;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Readiness;

/// <summary>What one look found of everything that nodes can be waited for.</summary>
/// <param name="Manager">What holds the cluster together: who says which node is the primary.</param>
/// <param name="View">The cluster.</param>
/// <param name="Consensus">What the observers agree on; null when that is not known.</param>
public sealed record ReadinessLook(ClusterManager Manager, ClusterView View, ConsensusView? Consensus);
