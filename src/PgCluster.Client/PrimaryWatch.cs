using System.Runtime.CompilerServices;
using System.Threading.Channels;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Client;

/// <summary>The published primary from etcd and the split brains from the servers themselves, as one stream.</summary>
/// <param name="store">The store.</param>
/// <param name="probe">The way to the servers.</param>
/// <param name="config">The cluster.</param>
/// <param name="time">The clock.</param>
internal sealed class PrimaryWatch(IClusterStore store, IServerProbe probe, ClusterConfig config, TimeProvider time)
{
    // Who reads slowly keeps etcd and the looks waiting, not this process's memory filling.
    private const int Capacity = 64;

    private readonly StoreKeys _keys = new(config.Etcd.PrimaryKey);
    private PrimaryChange? _last;

    /// <summary>The published primary now, then everything that happens, until cancelled.</summary>
    /// <param name="warn">Told, once, when the servers cannot be asked from here.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<PrimaryChange> ReadAsync(Action<string> warn, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var merged = Channel.CreateBounded<PrimaryChange>(new BoundedChannelOptions(Capacity) { SingleReader = true });
        var work = RunAsync(merged.Writer, warn, stop.Token);
        try
        {
            await foreach (var change in merged.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return change;
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RunAsync(ChannelWriter<PrimaryChange> output, Action<string> warn, CancellationToken cancellationToken)
    {
        try
        {
            // Read first, then watch from the next revision: nothing between the two is lost.
            var range = await store.ListAsync(_keys.Primary, cancellationToken).ConfigureAwait(false);
            var current = range.Entries.FirstOrDefault(e => e.Key == _keys.Primary);
            var watch = await store.WatchAsync(_keys.Primary, isPrefix: false, range.Revision + 1, cancellationToken).ConfigureAwait(false);
            await using (watch.ConfigureAwait(false))
            {
                await WriteAsync(output, PrimaryChangeKind.Current, current?.Value, current?.ModRevision ?? range.Revision, cancellationToken).ConfigureAwait(false);
                using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                var servers = new WriterWatch(config, probe, time).RunAsync(c => ReportAsync(output, c, cancellationToken), warn, stop.Token);
                var first = await Task.WhenAny(FollowAsync(watch, output, cancellationToken), servers).ConfigureAwait(false);
                await stop.CancelAsync().ConfigureAwait(false);
                await servers.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await first.ConfigureAwait(false);
            }

            output.TryComplete();
        }
#pragma warning disable CA1031 // It is thrown where the stream is read.
        catch (Exception e)
#pragma warning restore CA1031
        {
            output.TryComplete(e);
        }
    }

    private async Task FollowAsync(IStoreWatch watch, ChannelWriter<PrimaryChange> output, CancellationToken cancellationToken)
    {
        await foreach (var change in watch.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            switch (change)
            {
                case StoreEvent.Put put:
                    await WriteAsync(output, PrimaryChangeKind.Changed, put.Entry.Value, put.Revision, cancellationToken).ConfigureAwait(false);
                    break;
                case StoreEvent.Delete gone:
                    await WriteAsync(output, PrimaryChangeKind.Removed, null, gone.Revision, cancellationToken).ConfigureAwait(false);
                    break;
                case StoreEvent.Gap gap:
                    var now = await store.GetAsync(_keys.Primary, cancellationToken).ConfigureAwait(false);
                    await WriteAsync(output, PrimaryChangeKind.Gap, now?.Value, gap.Revision, cancellationToken).ConfigureAwait(false);
                    break;
            }
        }
    }

    private async Task WriteAsync(ChannelWriter<PrimaryChange> output, PrimaryChangeKind kind, string? value, long revision, CancellationToken cancellationToken)
    {
        var address = value is not null && PrimaryAddress.TryParse(value, out var parsed) ? parsed : null;
        var change = new PrimaryChange
        {
            Cluster = config.Name,
            Kind = kind,
            Primary = address is null ? null : config.Nodes.FirstOrDefault(n => n.Host == address.Host && n.Port == address.Port)?.Name,
            Host = address?.Host,
            Port = address?.Port ?? 0,
            Previous = _last?.Primary,
            Revision = revision,
            ObservedAt = time.GetUtcNow(),
        };
        Volatile.Write(ref _last, change);
        await output.WriteAsync(change, cancellationToken).ConfigureAwait(false);
    }

    private async Task ReportAsync(ChannelWriter<PrimaryChange> output, SplitBrainChange change, CancellationToken cancellationToken)
    {
        var (leader, word) = await ReadLeaderAsync(cancellationToken).ConfigureAwait(false);
        var last = Volatile.Read(ref _last);
        await output.WriteAsync(
            new PrimaryChange
            {
                Cluster = config.Name,
                Kind = change.Over ? PrimaryChangeKind.SplitBrainEnded : PrimaryChangeKind.SplitBrain,
                Primary = last?.Primary,
                Host = last?.Host,
                Port = last?.Port ?? 0,
                Previous = last?.Previous,
                Writers = [.. change.Writers.Select(w => new WritingNode(w.Node, w.Timeline, w.Lsn?.ToString() ?? ""))],
                Leader = leader,
                Evidence = $"{change.Evidence}; {word}",
                Revision = last?.Revision ?? 0,
                ObservedAt = time.GetUtcNow(),
            },
            cancellationToken).ConfigureAwait(false);
    }

    private async Task<(string? Leader, string Word)> ReadLeaderAsync(CancellationToken cancellationToken)
    {
        try
        {
            var leader = LeaderRecord.FromJson((await store.GetAsync(StoreKeys.Leader, cancellationToken).ConfigureAwait(false))?.Value)?.Node;
            return (leader, leader is null ? "nobody leads" : $"{leader} leads");
        }
        catch (PgClusterException e)
        {
            // A split brain is worth telling also when etcd is gone.
            return (null, $"etcd does not say who leads: {e.Message}");
        }
    }
}
