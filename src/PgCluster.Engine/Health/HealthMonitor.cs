using System.Globalization;
using Microsoft.Extensions.Logging;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Health;

/// <summary>
/// One observer: looks at all nodes at once, keeps its own view of each, and writes what it saw as one key under its lease; again health.interval after the end
/// of that. A store that fails is logged and outlived; the own view goes on without it.
/// </summary>
public sealed class HealthMonitor
{
    private readonly string _observer;
    private readonly ClusterConfig _config;
    private readonly IClusterStore _store;
    private readonly NodeProber _prober;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Dictionary<string, NodeHealthTracker> _nodes;
    private readonly TaskCompletionSource _firstRound = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IStoreLease? _lease;
    private long _writtenAt;
    private volatile bool _written;

    /// <summary>Makes an observer that has seen nothing.</summary>
    /// <param name="observer">Its name: no two observers may have the same; an agent's is that of its node.</param>
    /// <param name="config">The cluster.</param>
    /// <param name="store">Where it writes.</param>
    /// <param name="peers">The way to the nodes.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where errors of the store go.</param>
    public HealthMonitor(
        string observer, ClusterConfig config, IClusterStore store, IClusterPeers peers, TimeProvider time, ILogger<HealthMonitor> logger)
    {
        _observer = observer;
        _config = config;
        _store = store;
        _prober = new NodeProber(peers, config, config.Health.ProbeTimeout, time);
        _time = time;
        _logger = logger;
        _nodes = config.Nodes.ToDictionary(n => n.Name, n => new NodeHealthTracker(n.Name, time), StringComparer.Ordinal);
    }

    /// <summary>Completes once, when the first round is written, whatever it found: until then this observer has no say.</summary>
    public Task FirstRound => _firstRound.Task;

    /// <summary>How long ago a round was written last; null before the first.</summary>
    public TimeSpan? SinceWritten => _written ? _time.GetElapsedTime(Interlocked.Read(ref _writtenAt)) : null;

    /// <summary>This observer's own view of a node.</summary>
    public HealthState LocalState(string node) => _nodes.GetValueOrDefault(node)?.State ?? HealthState.Unknown;

    /// <summary>The last look at a node; null before the first.</summary>
    public NodeProbe? LastProbe(string node) => _nodes.GetValueOrDefault(node)?.Last;

    /// <summary>The write position of the only node that ran as a primary within health.failover_timeout; null when none or several did.</summary>
    public Lsn? PrimaryLsn =>
        _nodes.Values.Select(n => n.Last)
            .Where(p => p?.Report?.Postgres is { Role: NodeRole.Primary, State: NodeState.Running } && _time.GetElapsedTime(p.StartedAt) < _config.Health.FailoverTimeout)
            .Take(2).ToArray() is [var only] ? only!.Report!.Postgres.Lsn : null;

    /// <summary>Works until <paramref name="cancellationToken"/> ends it; the key goes then.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await LookAsync(cancellationToken).ConfigureAwait(false);
                await TryWriteAsync(cancellationToken).ConfigureAwait(false);
                await Task.Delay(_config.Health.Interval, _time, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
        finally
        {
            if (_lease is not null)
            {
                await _lease.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        foreach (var probe in await _prober.ProbeAllAsync(cancellationToken).ConfigureAwait(false))
        {
            var node = _nodes[probe.Node];
            var before = node.State;
            node.Record(probe);
            if (node.State != before)
            {
                HealthLog.Turned(_logger, _observer, probe.Node, node.State, probe.Detail);
            }
        }
    }

    private async Task TryWriteAsync(CancellationToken cancellationToken)
    {
        // One budget for lease and key: a store that hangs must not keep the next look at the nodes waiting for long.
        using var budget = new CancellationTokenSource(_config.Etcd.Timeout, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        try
        {
            await WriteAsync(linked.Token).ConfigureAwait(false);
            Interlocked.Exchange(ref _writtenAt, _time.GetTimestamp());
            _written = true;
            _firstRound.TrySetResult();
        }
        catch (PgClusterException e)
        {
            HealthLog.WriteFailed(_logger, _observer, e.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            HealthLog.WriteFailed(
                _logger, _observer, string.Create(CultureInfo.InvariantCulture, $"no answer within {_config.Etcd.Timeout.TotalSeconds:0.###} s (etcd.timeout)"));
        }
    }

    private async Task WriteAsync(CancellationToken cancellationToken)
    {
        if (_lease is { Lost.IsCancellationRequested: true } lost)
        {
            _lease = null;
            await lost.DisposeAsync().ConfigureAwait(false);
        }

        _lease ??= await _store.GrantLeaseAsync(_config.Health.ObserverTimeout, cancellationToken).ConfigureAwait(false);

        // The ages are taken last: whatever came before has made them older.
        var report = new HealthReport(_observer, _time.GetUtcNow(), [.. _nodes.Values.Select(n => n.Vote()).OfType<HealthVote>()]);
        await _store.PutAsync(StoreKeys.Health + _observer, report.ToJson(), _lease, cancellationToken).ConfigureAwait(false);
    }
}
