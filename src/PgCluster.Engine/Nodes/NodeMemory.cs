using PgCluster.Engine.Membership;

namespace PgCluster.Engine.Nodes;

/// <summary>What an agent goes on from: its own work with other nodes in the cluster, or that of the process before it.</summary>
/// <param name="Starting">True until the first look that was complete.</param>
/// <param name="StoppedByAgent">True when the agent itself stopped the server, because this node must not lead.</param>
/// <param name="FoundRunning">True when the server ran already when the agent came; null before the first look.</param>
/// <param name="Cluster">Which database system the cluster is, as last read; null when nobody has said so.</param>
/// <param name="LeaderlessSince">Timestamp since when nobody leads; 0 while somebody does. Of the machine's monotonic clock, which all its processes share.</param>
/// <param name="StrandedSince">Timestamp since when this standby streams from nobody; 0 while it streams.</param>
public sealed record NodeMemory(bool Starting, bool StoppedByAgent, bool? FoundRunning, ClusterIdentity? Cluster, long LeaderlessSince, long StrandedSince);
