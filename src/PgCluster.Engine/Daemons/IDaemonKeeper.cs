namespace PgCluster.Engine.Daemons;

/// <summary>Knows the daemons of one machine, and tells them what to do.</summary>
public interface IDaemonKeeper
{
    /// <summary>Every daemon of the cluster there, and what became of the last successors that did not come to work.</summary>
    Task<IReadOnlyList<ClusterDaemon>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Tells a daemon something; it has begun with it when this returns.</summary>
    /// <param name="daemon">As <see cref="ListAsync"/> had it.</param>
    /// <param name="order">What.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.PlanStale"/>: that process is gone, or at something else. <see cref="Reason.NotSupportedHere"/>: it cannot be followed, or a service manager would start it again.
    /// <see cref="Reason.AccessDenied"/>: it belongs to somebody else.
    /// </exception>
    Task OrderAsync(ClusterDaemon daemon, DaemonOrder order, CancellationToken cancellationToken);
}
