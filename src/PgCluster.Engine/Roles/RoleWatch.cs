using Microsoft.Extensions.Logging;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Roles;

/// <summary>Has the roles on record at hand without a call, so that a takeover need not read them.</summary>
internal sealed class RoleWatch
{
    private readonly IClusterStore _store;
    private readonly TimeSpan _retry;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private volatile RoleRecord? _last;

    /// <summary>Makes a watch that knows nothing yet.</summary>
    /// <param name="store">Where the roles stand.</param>
    /// <param name="retry">Time before a store that failed is asked again.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where errors of the store go.</param>
    public RoleWatch(IClusterStore store, TimeSpan retry, TimeProvider time, ILogger logger)
    {
        _store = store;
        _retry = retry;
        _time = time;
        _logger = logger;
    }

    /// <summary>What is on record, as last heard; null when nothing is, or nothing has been heard.</summary>
    public RoleRecord? Last
    {
        get => _last;
        set => _last = value;
    }

    /// <summary>Whether commits may wait for a node. While no roles are on record, for any.</summary>
    public bool IsVoter(string node) => _last is not { } record || record.Of(node) == MemberRole.Voter;

    /// <summary>Follows until <paramref name="cancellationToken"/> ends it.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await FollowAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (PgClusterException e)
            {
                NodeLog.TurnFailed(_logger, e.Reason, e.Message);
            }

            await Task.Delay(_retry, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        var range = await _store.ListAsync(StoreKeys.Roles, cancellationToken).ConfigureAwait(false);
        _last = RoleRecord.FromJson(range.Entries.FirstOrDefault(e => e.Key == StoreKeys.Roles)?.Value);
        var watch = await _store.WatchAsync(StoreKeys.Roles, isPrefix: false, range.Revision + 1, cancellationToken).ConfigureAwait(false);
        await using (watch.ConfigureAwait(false))
        {
            await foreach (var change in watch.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                if (change is StoreEvent.Gap)
                {
                    return;
                }

                _last = RoleRecord.FromJson((change as StoreEvent.Put)?.Entry.Value);
            }
        }
    }
}
