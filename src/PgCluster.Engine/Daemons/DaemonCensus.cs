namespace PgCluster.Engine.Daemons;

/// <summary>The daemons of a cluster, as far as anybody tells of them.</summary>
/// <param name="Sightings">Each once, by machine and name.</param>
/// <param name="Silent">Who did not answer, and why.</param>
public sealed record DaemonCensus(IReadOnlyList<DaemonSighting> Sightings, IReadOnlyList<PgClusterException> Silent)
{
    /// <summary>Those that can be told something: what is left of others is not among them.</summary>
    public IReadOnlyList<DaemonSighting> AtWork => [.. Sightings.Where(s => s.Daemon.State == DaemonState.Running)];

    /// <summary>Those whose processes are there.</summary>
    public IReadOnlyList<ClusterDaemon> Alive => [.. Sightings.Select(s => s.Daemon).Where(d => d.State is DaemonState.Starting or DaemonState.Running or DaemonState.Draining)];
}
