using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pacemaker;

/// <summary>Waits until Pacemaker is as it was asked to be: the agents tell it, and it takes a moment.</summary>
public static class PacemakerWait
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(200);

    /// <summary>Returns when an agent on the side with quorum sees it so.</summary>
    /// <param name="observer">Asks the agents.</param>
    /// <param name="options">Whose budgets: a look of an agent, and an order of it.</param>
    /// <param name="time">The clock.</param>
    /// <param name="isSo">What is waited for.</param>
    /// <param name="what">The same in words.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.StepTimeout"/>.</exception>
    public static async Task UntilAsync(
        ClusterObserver observer, PacemakerConfig options, TimeProvider time, Func<PacemakerReport, bool> isSo, string what, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(observer);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(isSo);
        var budget = options.PollInterval + options.QueryTimeout + options.CommandTimeout;
        var began = time.GetTimestamp();
        while ((await observer.ObserveAsync(cancellationToken).ConfigureAwait(false)).Pacemaker is not { } seen || !isSo(seen))
        {
            if (time.GetElapsedTime(began) > budget)
            {
                throw new PgClusterException(Reason.StepTimeout, string.Create(CultureInfo.InvariantCulture, $"{what} was asked of Pacemaker, and is not so after {budget.TotalSeconds:0.###} s"));
            }

            await Task.Delay(BetweenLooks, time, cancellationToken).ConfigureAwait(false);
        }
    }
}
