using PgCluster.Engine.Configuration;
using PgCluster.Engine.Store;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pooling;

/// <summary>
/// Keeps an agent in touch with the keeper of every pooler, and knows who they are. A takeover pauses them all, perhaps months after anybody last spoke to one: until the
/// pause is there clients fail, so it must wait neither for the store nor for a connection and its handshake, nor for code that has not run yet on either side.
/// </summary>
internal sealed class KeeperContacts
{
    // Well below the minute after which a connection that nobody uses is closed.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;
    private PoolerGroup? _known;

    public KeeperContacts(IClusterStore store, IClusterPeers peers, ClusterConfig config, TimeProvider time)
    {
        _store = store;
        _peers = peers;
        _config = config;
        _time = time;
    }

    /// <summary>The poolers that lead to this cluster, as of a moment ago; read when nobody has looked yet.</summary>
    public async ValueTask<PoolerGroup> FindAsync(CancellationToken cancellationToken) => Volatile.Read(ref _known) ?? await ReadAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>The poolers that lead to this cluster: none while clients are led to another database.</summary>
    public async Task<PoolerGroup> ReadAsync(CancellationToken cancellationToken)
    {
        var redirect = Redirect.FromJson((await _store.GetAsync(StoreKeys.Redirect, cancellationToken).ConfigureAwait(false))?.Value);
        return redirect is { State: RedirectState.Active } ? PoolerGroup.None(_peers) : await PoolerGroup.FindAsync(_store, _peers, _config, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Looks and speaks to all of them again and again, until the token ends it. Who does not answer is spoken to again the next time.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                using var budget = new CancellationTokenSource(Interval, _time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
                var poolers = await ReadAsync(either.Token).ConfigureAwait(false);
                Volatile.Write(ref _known, poolers);
                await Task.WhenAll(poolers.Names.Select(name => poolers.Keeper(name).PreparePauseAsync(either.Token))).ConfigureAwait(false);
            }
            catch (Exception e) when (e is PgClusterException or OperationCanceledException)
            {
                // Who cannot be reached is left out by a pause too.
            }

            await Task.Delay(Interval, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
