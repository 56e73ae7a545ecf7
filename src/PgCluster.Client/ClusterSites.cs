using PgCluster.Engine.Configuration;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Store;

namespace PgCluster.Client;

/// <summary>
/// The cluster as its nodes are now: looks at the members in the store before each use. While the store does not answer, the nodes are those that were known last, and it
/// is not asked again for a moment, so that whoever can do without it does not wait each time.
/// </summary>
internal sealed class ClusterSites : IAsyncDisposable
{
    private static readonly TimeSpan AfterSilence = TimeSpan.FromSeconds(5);

    private readonly ClusterConfig _file;
    private readonly IClusterStore _store;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _gate = new(1, 1);

    // A call that began with the nodes before goes on with them.
    private readonly List<ClusterSite> _all = [];
    private long _revision = Members.Unread.Revision;
    private long? _silentSince;

    public ClusterSites(ClusterConfig file, IClusterStore store, TimeProvider time)
    {
        _file = file;
        _store = store;
        _time = time;
        Last = new ClusterSite(file, store, time);
        _all.Add(Last);
    }

    /// <summary>With the nodes as they were known last.</summary>
    public ClusterSite Last { get; private set; }

    /// <summary>With the nodes there are now.</summary>
    public async Task<ClusterSite> NowAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_silentSince is { } since && _time.GetElapsedTime(since) < AfterSilence)
            {
                return Last;
            }

            var members = await ReadAsync(cancellationToken).ConfigureAwait(false);
            _silentSince = members is null ? _time.GetTimestamp() : null;
            if (members is null || members.Revision == _revision)
            {
                return Last;
            }

            _revision = members.Revision;
            var config = MemberOverlay.Apply(_file, members);
            if (!config.Equals(Last.Config))
            {
                Last = new ClusterSite(config, _store, _time);
                _all.Add(Last);
            }

            return Last;
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var site in _all)
        {
            await site.DisposeAsync().ConfigureAwait(false);
        }

        _gate.Dispose();
    }

    private async Task<Members?> ReadAsync(CancellationToken cancellationToken)
    {
        using var budget = new CancellationTokenSource(_file.Failover.HealthCheckTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        try
        {
            return await Members.ReadAsync(_store, either.Token).ConfigureAwait(false);
        }
        catch (PgClusterException)
        {
            return null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }
}
