using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.Peers;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;

namespace PgCluster.Client;

/// <summary>
/// An open cluster: everything cmdlets and the command line do goes through here. Safe for any number of calls at a time. Errors are
/// <see cref="PgClusterException"/>.
/// </summary>
public sealed class ClusterConnection : IAsyncDisposable
{
    private readonly ClusterConfig _config;
    private readonly EtcdStore _store;
    private readonly GrpcClusterPeers _peers;
    private readonly ClusterObserver _observer;
    private readonly FailoverFlow _failover;
    private readonly StoreKeys _keys;
    private readonly TimeProvider _time;

    private ClusterConnection(LoadedConfig loaded, TimeProvider time, ILoggerFactory logs)
    {
        var config = _config = loaded.Config;
        ConfigFile = loaded.File is { } file ? Path.GetFullPath(file) : null;
        _time = time;
        _store = new EtcdStore(StoreOptions.From(config), time, logs.CreateLogger<EtcdStore>());
        _peers = new GrpcClusterPeers(config, time);
        _observer = new ClusterObserver(_store, _peers, config, time);
        _failover = new FailoverFlow(_store, _peers, config, time);
        _keys = new StoreKeys(config.Etcd.PrimaryKey);
    }

    /// <summary>The cluster's name.</summary>
    public string Name => _config.Name;

    /// <summary>The file it was opened from; null when none.</summary>
    public string? ConfigFile { get; }

    /// <summary>Names of the nodes, for completion: from the configuration, without asking anybody.</summary>
    public IReadOnlyList<string> NodeNames => [.. _config.Nodes.Select(n => n.Name)];

    /// <summary>Names of the poolers of the configuration, for completion.</summary>
    public IReadOnlyList<string> PoolerNames => [.. _config.Poolers.Select(p => p.Name)];

    /// <summary>libpq URI of the way applications take: the first pooler of an application host, else the first of all; to the agents' own database, as their role.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PoolerNotFound"/>: the configuration has no pooler.</exception>
    public string ClientUri
    {
        get
        {
            var pooler = _config.Poolers.OrderBy(p => p.Node.Length > 0).FirstOrDefault()
                ?? throw new PgClusterException(Reason.PoolerNotFound, "the configuration has no pooler that clients could use");
            return $"postgresql://{Uri.EscapeDataString(_config.Postgres.User)}@{new PrimaryAddress(pooler.Host, pooler.Port).ToHostAndPort()}/{Uri.EscapeDataString(_config.Postgres.Database)}";
        }
    }

    /// <summary>Opens a cluster. Asks nobody: what does not answer shows in the calls.</summary>
    /// <param name="configFile">Path of its configuration file; null to use environment and defaults only.</param>
    /// <param name="overrides">Options that outrank environment and file, by path, for example failover.pause_timeout.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <param name="log">Where to log to; null for nowhere.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>.</exception>
    public static ClusterConnection Open(
        string? configFile, IReadOnlyDictionary<string, string>? overrides = null, TimeProvider? time = null, ClientLog? log = null) =>
        new(ClusterConfiguration.Load(configFile, overrides), time ?? TimeProvider.System, log is null ? NullLoggerFactory.Instance : new ClientLoggerFactory(log));

    /// <summary>The cluster at a glance.</summary>
    public async Task<ClusterSummary> GetClusterAsync(CancellationToken cancellationToken)
    {
        var view = await _observer.ObserveAsync(cancellationToken).ConfigureAwait(false);
        return new ClusterSummary
        {
            Name = _config.Name,
            Manager = _config.Manager.ToString().ToLowerInvariant(),
            Primary = view.Primary?.Name,
            PrimaryAddress = view.PublishedPrimary?.Value,
            Timeline = view.Primary?.Node.Timeline ?? 0,
            Nodes = view.Nodes.Count,
            NodesRunning = view.Nodes.Count(n => n.Node.State == NodeState.Running),
            SynchronousStandbys = [.. view.Nodes.Where(n => n.Node.SyncState is SyncState.Sync or SyncState.Quorum).Select(n => n.Name)],
            Poolers = view.Poolers.Count,
            PoolersPaused = view.Poolers.Count(p => p.Pooler.State is PoolerState.Paused or PoolerState.Pausing),
            Quorum = view.Store.HasQuorum,
            LockHolder = view.Lock is { Holder: var holder } ? $"{holder.Name}: {holder.Purpose}" : null,
            ConfigFile = ConfigFile,
        };
    }

    /// <summary>Every node; one that does not answer is a row with a state.</summary>
    public async Task<IReadOnlyList<ClusterNode>> GetNodesAsync(CancellationToken cancellationToken) =>
        [.. (await _observer.ObserveNodesAsync(cancellationToken).ConfigureAwait(false)).Select(n => n.Node)];

    /// <summary>Every pooler, configured or registered; one that does not answer is a row with a state.</summary>
    public async Task<IReadOnlyList<PoolerInfo>> GetPoolersAsync(CancellationToken cancellationToken) =>
        [.. (await _observer.ObservePoolersAsync(cancellationToken).ConfigureAwait(false)).Select(p => p.Pooler)];

    /// <summary>Pauses a pooler under a lease of its own.</summary>
    /// <param name="pooler">A row of <see cref="GetPoolersAsync"/>.</param>
    /// <param name="holder">user@host of who asks.</param>
    /// <param name="timeout">For the paused state; null for failover.pause_timeout.</param>
    /// <param name="expiry">When the keeper resumes by itself; null for failover.pause_expiry.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<PauseLease> SuspendPoolerAsync(
        PoolerInfo pooler, string holder, TimeSpan? timeout, TimeSpan? expiry, CancellationToken cancellationToken)
    {
        var keeper = _peers.Pooler(pooler.Name, pooler.Keeper);
        var id = Guid.CreateVersion7(_time.GetUtcNow()).ToString("n");
        try
        {
            return await keeper.PauseAsync(
                id, holder, timeout ?? _config.Failover.PauseTimeout, expiry ?? _config.Failover.PauseExpiry, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The caller is gone; whether the pause came to be is not known.
            using var budget = new CancellationTokenSource(_config.Failover.ResumeTimeout, _time);
            await ((Task)keeper.ResumeAsync(id, budget.Token)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    /// <summary>Resumes a pooler; true when it was paused.</summary>
    /// <param name="pooler">A row of <see cref="GetPoolersAsync"/>.</param>
    /// <param name="leaseId">Only if this lease holds it; null for whichever does.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<bool> ResumePoolerAsync(PoolerInfo pooler, string? leaseId, CancellationToken cancellationToken) =>
        _peers.Pooler(pooler.Name, pooler.Keeper).ResumeAsync(leaseId, cancellationToken);

    /// <summary>What a failover would do and whether it may; changes nothing. The plan has steps exactly when it may run.</summary>
    public async Task<OperationPlan> PlanFailoverAsync(FailoverRequest request, CancellationToken cancellationToken) =>
        (await _failover.AssessAsync(request, cancellationToken).ConfigureAwait(false)).Plan;

    /// <summary>Runs a plan of <see cref="PlanFailoverAsync"/>; what goes wrong in its steps is in the report.</summary>
    /// <exception cref="PgClusterException">The plan may not run; nothing was changed.</exception>
    public async Task<OperationReport> RunFailoverAsync(
        OperationPlan plan, FailoverRequest request, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        if (FailoverAssessment.RefusalOf(plan) is { } refusal)
        {
            throw refusal;
        }

        return await _failover.RunAsync(plan, request, observer, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// The clients' way through this cluster's poolers, to lead it to another database or back. Nothing happens before it is prepared.
    /// </summary>
    /// <param name="runId">The switchover: what its pointer in the source database carries.</param>
    /// <param name="host">Host of the other database, as the poolers reach it.</param>
    /// <param name="port">Its TCP port.</param>
    /// <param name="database">The other database.</param>
    /// <param name="sourceDatabase">The database of this cluster.</param>
    /// <param name="holder">user@host of who asks.</param>
    /// <param name="back">True to lead clients from the other database back to this cluster's primary.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>.</exception>
    public IClientRoute OpenRoute(Guid runId, string host, int port, string database, string sourceDatabase, string holder, bool back = false) =>
        new PoolerRoute(_store, _peers, _config, _time, new Redirect(runId, RedirectState.Pending, host, port, database, sourceDatabase), holder, back);

    /// <summary>The refusal of a plan as an error; null when it may run.</summary>
    public static PgClusterException? RefusalOf(OperationPlan plan) => FailoverAssessment.RefusalOf(plan);

    /// <summary>Adds the report of an operation that was not run by this connection itself to the history, as far as the store can be reached.</summary>
    internal Task RecordAsync(OperationReport report) => _failover.RecordAsync(report);

    /// <summary>The history, newest first.</summary>
    public async Task<IReadOnlyList<OperationReport>> GetHistoryAsync(CancellationToken cancellationToken) =>
        [.. (await _store.ListAsync(StoreKeys.History, cancellationToken).ConfigureAwait(false)).Entries
            .OrderByDescending(e => e.Key, StringComparer.Ordinal).Select(e => OperationHistory.FromJson(e.Value)).OfType<OperationReport>()];

    /// <summary>The published primary now, then each change, until cancelled. Survives the store's restarts; what was missed shows as a gap.</summary>
    public async IAsyncEnumerable<PrimaryChange> WatchPrimaryAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Read first, then watch from the next revision: nothing between the two is lost.
        var range = await _store.ListAsync(_keys.Primary, cancellationToken).ConfigureAwait(false);
        var current = range.Entries.FirstOrDefault(e => e.Key == _keys.Primary);
        var watch = await _store.WatchAsync(_keys.Primary, isPrefix: false, range.Revision + 1, cancellationToken).ConfigureAwait(false);
        await using (watch.ConfigureAwait(false))
        {
            var last = Describe(PrimaryChangeKind.Current, current?.Value, current?.ModRevision ?? range.Revision, null);
            yield return last;
            await foreach (var change in watch.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                switch (change)
                {
                    case StoreEvent.Put put:
                        last = Describe(PrimaryChangeKind.Changed, put.Entry.Value, put.Revision, last.Primary);
                        yield return last;
                        break;
                    case StoreEvent.Delete gone:
                        last = Describe(PrimaryChangeKind.Removed, null, gone.Revision, last.Primary);
                        yield return last;
                        break;
                    case StoreEvent.Gap gap:
                        var now = await _store.GetAsync(_keys.Primary, cancellationToken).ConfigureAwait(false);
                        last = Describe(PrimaryChangeKind.Gap, now?.Value, gap.Revision, last.Primary);
                        yield return last;
                        break;
                }
            }
        }
    }

    /// <summary>Closes every connection.</summary>
    public async ValueTask DisposeAsync()
    {
        _peers.Dispose();
        await _store.DisposeAsync().ConfigureAwait(false);
    }

    private PrimaryChange Describe(PrimaryChangeKind kind, string? value, long revision, string? previous)
    {
        var address = value is not null && PrimaryAddress.TryParse(value, out var parsed) ? parsed : null;
        return new PrimaryChange
        {
            Cluster = _config.Name,
            Kind = kind,
            Primary = address is null ? null : _config.Nodes.FirstOrDefault(n => n.Host == address.Host && n.Port == address.Port)?.Name,
            Host = address?.Host,
            Port = address?.Port ?? 0,
            Previous = previous,
            Revision = revision,
            ObservedAt = _time.GetUtcNow(),
        };
    }
}
