namespace PgCluster.Engine.Daemons;

/// <summary>A daemon, and who can tell it something.</summary>
/// <param name="Daemon">The daemon.</param>
/// <param name="Keeper">A keeper on its machine.</param>
public sealed record DaemonSighting(ClusterDaemon Daemon, string Keeper);
