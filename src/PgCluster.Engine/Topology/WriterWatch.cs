using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Topology;

/// <summary>
/// Looks at every server by itself each <see cref="Interval"/>, and tells when two of them accept writes. Each has a loop of its own: one that is silent keeps nobody
/// waiting.
/// </summary>
/// <param name="config">The cluster.</param>
/// <param name="probe">The way to the servers.</param>
/// <param name="time">The clock.</param>
public sealed class WriterWatch(ClusterConfig config, IServerProbe probe, TimeProvider time)
{
    /// <summary>Time between the end of one look at a server and the next.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Looks until <paramref name="cancellationToken"/> ends it.</summary>
    /// <param name="changed">Told about a split brain and its end; one at a time, in order.</param>
    /// <param name="warn">Told, once, that servers cannot be asked from here.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task RunAsync(Func<SplitBrainChange, Task> changed, Action<string> warn, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(changed);
        ArgumentNullException.ThrowIfNull(warn);
        var origin = time.GetTimestamp();
        var detector = new SplitBrainDetector();
        var notice = new DirectSqlNotice(config.Nodes.Count);
        using var gate = new SemaphoreSlim(1, 1);
        await Task.WhenAll(config.Nodes.Select(FollowAsync)).ConfigureAwait(false);

        async Task FollowAsync(NodeConfig node)
        {
            while (true)
            {
                var started = time.GetElapsedTime(origin);
                var look = await probe.LookAsync(node, config.Postgres.ConnectTimeout, cancellationToken).ConfigureAwait(false);
                look = look with { StartedAt = started, EndedAt = time.GetElapsedTime(origin) };
                await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
                try
                {
                    if (notice.Take(look) is { } text)
                    {
                        warn(text);
                    }

                    if (detector.Take(look) is { } change)
                    {
                        await changed(change).ConfigureAwait(false);
                    }
                }
                finally
                {
                    gate.Release();
                }

                await Task.Delay(Interval, time, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
