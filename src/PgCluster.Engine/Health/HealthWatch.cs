using Microsoft.Extensions.Logging;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Health;

/// <summary>
/// Follows what all observers write, and says what they agree on at any moment without asking anybody. Gaps and errors of the store are outlived; what is known
/// ages meanwhile until the verdicts are Unknown.
/// </summary>
public sealed class HealthWatch
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    private readonly ClusterConfig _config;
    private readonly IClusterStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly VoteLedger _ledger;

    /// <summary>Makes a watch that knows nothing yet: every verdict is Unknown.</summary>
    /// <param name="config">The cluster.</param>
    /// <param name="store">Where the observers write.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where errors of the store go.</param>
    public HealthWatch(ClusterConfig config, IClusterStore store, TimeProvider time, ILogger<HealthWatch> logger)
    {
        _config = config;
        _store = store;
        _time = time;
        _logger = logger;
        _ledger = new VoteLedger(time);
    }

    /// <summary>What the observers agree on now: who votes, how many are needed, and a verdict on every node.</summary>
    public ConsensusView Now() => HealthConsensus.Judge(_ledger.Views(), _config.Nodes.Select(n => n.Name), _config.Health);

    /// <summary>Follows until <paramref name="cancellationToken"/> ends it.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                try
                {
                    await FollowAsync(cancellationToken).ConfigureAwait(false);
                    cancellationToken.ThrowIfCancellationRequested();
                    HealthLog.WatchEnded(_logger);
                }
                catch (PgClusterException e)
                {
                    HealthLog.WatchFailed(_logger, e.Message);
                }

                await Task.Delay(Retry, _time, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        var range = await _store.ListAsync(StoreKeys.Health, cancellationToken).ConfigureAwait(false);
        _ledger.Replace(range);
        var watch = await _store.WatchAsync(StoreKeys.Health, isPrefix: true, range.Revision + 1, cancellationToken).ConfigureAwait(false);
        await using (watch.ConfigureAwait(false))
        {
            var heard = _time.GetTimestamp();
            await foreach (var change in watch.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                // After a silence this may be the first of many that waited, this process having been frozen or cut off: old words that would look fresh.
                var late = _time.GetElapsedTime(heard) >= _config.Health.FailoverTimeout / 2;
                heard = _time.GetTimestamp();
                if (late || !_ledger.Apply(change))
                {
                    _ledger.Replace(await _store.ListAsync(StoreKeys.Health, cancellationToken).ConfigureAwait(false));
                }
            }
        }
    }
}
