using System.Globalization;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Daemons;

/// <summary>Tells daemons what to do, and waits for what becomes of it.</summary>
internal sealed class DaemonWait(IClusterPeers peers, DaemonObserver observer, TimeProvider time)
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan ToAnswer = TimeSpan.FromSeconds(5);

    /// <summary>Lets a daemon start one that follows it, or shows that it could.</summary>
    /// <param name="sighting">The daemon.</param>
    /// <param name="order">Upgrade or rehearse.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The process that was started: <see cref="DaemonState.Running"/> after an upgrade, <see cref="DaemonState.Rehearsed"/> after a rehearsal.</returns>
    /// <exception cref="PgClusterException"><see cref="Reason.PlanStale"/>: it came to nothing, and the daemon goes on.</exception>
    public async Task<ClusterDaemon> StartSuccessorAsync(DaemonSighting sighting, DaemonOrder order, CancellationToken cancellationToken)
    {
        var (daemon, wanted) = (sighting.Daemon, order.Kind == DaemonOrderKind.Upgrade ? DaemonState.Running : DaemonState.Rehearsed);
        var before = (await observer.ObserveAsync(cancellationToken).ConfigureAwait(false)).Sightings;
        await peers.Daemons(sighting.Keeper).OrderAsync(daemon, order, cancellationToken).ConfigureAwait(false);
        var told = time.GetTimestamp();
        while (true)
        {
            var now = (await observer.ObserveAsync(cancellationToken).ConfigureAwait(false)).Sightings.Select(s => s.Daemon).Where(d => d.Machine == daemon.Machine && d.Name == daemon.Name).ToArray();
            var others = now.Where(d => !before.Any(b => b.Daemon.IsSameProcessAs(d))).ToArray();
            if (others.FirstOrDefault(d => d.StartedBy == daemon.Pid && d.State is DaemonState.Running or DaemonState.Failed or DaemonState.Rehearsed) is { } successor)
            {
                return successor.State == wanted ? successor : throw new PgClusterException(
                    Reason.PlanStale, string.Create(CultureInfo.InvariantCulture, $"pid {successor.Pid}, started to follow {daemon.Name}, ended: {successor.Error ?? $"it is {successor.State}"}")) { Target = daemon.Name };
            }

            // A service manager that was not told of the successor has started one more, which has followed that.
            if (wanted == DaemonState.Running && others.FirstOrDefault(d => d.State == DaemonState.Running) is { } another)
            {
                return another;
            }

            // What it says may be about what it was told before, until it has heard this.
            if (now.FirstOrDefault(d => d.IsSameProcessAs(daemon))?.Error is { } refused && (refused != daemon.Error || time.GetElapsedTime(told) > ToAnswer))
            {
                throw new PgClusterException(Reason.PlanStale, $"{daemon.Name} did not do it: {refused}") { Target = daemon.Name };
            }

            await Task.Delay(BetweenLooks, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Returns when a process has ended, with how many connections it had when it was last seen.</summary>
    public async Task<int> UntilEndedAsync(ClusterDaemon daemon, CancellationToken cancellationToken)
    {
        var (connections, silentSince) = (daemon.Connections, (long?)null);
        while (true)
        {
            var census = await observer.ObserveAsync(cancellationToken).ConfigureAwait(false);
            if (census.Alive.FirstOrDefault(d => d.IsSameProcessAs(daemon)) is { } still)
            {
                (connections, silentSince) = (still.Connections, null);
            }
            else if (census.Silent.Count == 0 || census.Sightings.Any(s => s.Daemon.Machine == daemon.Machine))
            {
                return connections;
            }
            else if (time.GetElapsedTime(silentSince ??= time.GetTimestamp()) > ToAnswer)
            {
                // Nobody is left there who could tell: the one that ended was the one that told.
                return connections;
            }

            await Task.Delay(BetweenLooks, time, cancellationToken).ConfigureAwait(false);
        }
    }
}
