namespace PgCluster;

/// <summary>What a daemon's successor, started to see whether it could take over, came to.</summary>
/// <param name="Cluster">The cluster's name.</param>
/// <param name="Name">The daemon.</param>
/// <param name="Machine">The machine it runs on.</param>
/// <param name="Succeeded">Whether the successor had everything that it needs.</param>
/// <param name="Version">Version of the daemon that runs.</param>
/// <param name="NewVersion">Version of the one that would follow; empty when it did not come to saying it.</param>
/// <param name="ElapsedMs">Milliseconds until that was known.</param>
/// <param name="Detail">What it could take over, or what kept it from that.</param>
public sealed record DaemonRehearsal(string Cluster, string Name, string Machine, bool Succeeded, string Version, string NewVersion, double ElapsedMs, string Detail);
