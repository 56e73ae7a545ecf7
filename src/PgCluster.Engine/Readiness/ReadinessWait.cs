using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Readiness;

/// <summary>Looks again and again until all nodes that are waited for are ready in one and the same look.</summary>
/// <param name="look">Looks at the cluster.</param>
/// <param name="time">The clock.</param>
public sealed class ReadinessWait(Func<CancellationToken, Task<ReadinessLook>> look, TimeProvider time)
{
    /// <summary>The longest wait.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);

    /// <summary>Waits, and gives the look in which all were ready.</summary>
    /// <param name="names">The nodes; null for all there are, at each look anew.</param>
    /// <param name="condition">What for.</param>
    /// <param name="timeout">How long: 1 ms to <see cref="Longest"/>.</param>
    /// <param name="looked">Told after each look what each node lacks.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.NodeNotReady"/>, <see cref="Reason.NodeNotFound"/> or <see cref="Reason.InvalidArgument"/>.</exception>
    public async Task<ClusterView> RunAsync(
        IReadOnlyCollection<string>? names, NodeCondition condition, TimeSpan timeout, Action<IReadOnlyList<NodeReadiness>> looked, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(looked);
        if (timeout < Shortest || timeout > Longest)
        {
            throw new PgClusterException(Reason.InvalidArgument, string.Create(
                CultureInfo.InvariantCulture, $"nodes can be waited for 1 ms to {Longest.TotalDays} days, not for {timeout.TotalSeconds:0.#######} s"));
        }

        using var budget = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        IReadOnlyList<NodeReadiness>? last = null;
        var silence = "no look at them came to its end";
        try
        {
            while (true)
            {
                try
                {
                    var found = await look(either.Token).ConfigureAwait(false);
                    last = [.. Chosen(found.View, names).Select(n => ReadinessRule.Judge(found, n, condition))];
                    looked(last);
                    if (last.All(n => n.IsReady))
                    {
                        return found.View;
                    }
                }
                catch (PgClusterException e) when (e.Reason is Reason.StoreUnavailable or Reason.NoQuorum)
                {
                    // etcd went away in the middle of a look: it may come back in time.
                    silence = e.Message;
                }

                await Task.Delay(Poll, time, either.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested && budget.IsCancellationRequested)
        {
            throw TooLate(last, silence, timeout);
        }
    }

    private static IEnumerable<string> Chosen(ClusterView view, IReadOnlyCollection<string>? names)
    {
        var all = view.Nodes.Select(n => n.Name).ToArray();
        return names?.FirstOrDefault(n => !all.Contains(n, StringComparer.Ordinal)) is { } unknown
            ? throw new PgClusterException(Reason.NodeNotFound, $"no node is named {unknown}; there are {string.Join(", ", all)}") { Target = unknown }
            : names ?? all;
    }

    private static PgClusterException TooLate(IReadOnlyList<NodeReadiness>? last, string silence, TimeSpan timeout)
    {
        var missing = last?.Where(n => !n.IsReady).ToArray();
        var what = missing is null ? silence : string.Join("; ", missing.Select(n => n.ToString()));
        return new PgClusterException(Reason.NodeNotReady, $"not ready within {DurationText.Format(timeout)}: {what}") { Target = missing is [var only] ? only.Name : null };
    }
}
