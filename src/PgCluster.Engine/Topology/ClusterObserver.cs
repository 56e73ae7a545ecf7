using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Maintenance;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Pacemaker;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Restart;
using PgCluster.Engine.Store;
using PgCluster.Engine.Switchover;

namespace PgCluster.Engine.Topology;

/// <summary>
/// Looks at a whole cluster: store, agents and keepers all at once, each within the health check's timeout, so that a dead host
/// delays nobody. What does not answer is a row with a state, never an error.
/// </summary>
public sealed class ClusterObserver
{
    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly ClusterConfig _config;
    private readonly StoreKeys _keys;
    private readonly TimeProvider _time;

    /// <summary>Makes an observer of the cluster of <paramref name="config"/>.</summary>
    public ClusterObserver(IClusterStore store, IClusterPeers peers, ClusterConfig config, TimeProvider time)
    {
        _store = store;
        _peers = peers;
        _config = config;
        _keys = new StoreKeys(config.Etcd.PrimaryKey);
        _time = time;
    }

    /// <summary>Every node of the configuration.</summary>
    public async Task<IReadOnlyList<NodeObservation>> ObserveNodesAsync(CancellationToken cancellationToken)
    {
        var suspended = SuspendedAsync(cancellationToken);
        var answers = await Task.WhenAll(_config.Nodes.Select(n => AskAsync(n, cancellationToken))).ConfigureAwait(false);
        return PgcmNodes.Seen(
            Combine([.. answers.Select(a => (a.Node, a.Report, a.Error))], await suspended.ConfigureAwait(false)),
            answers.Where(a => a.IsPgcm).Select(a => a.Node.Name).ToHashSet(StringComparer.Ordinal));
    }

    /// <summary>Every pooler configured or registered.</summary>
    public async Task<IReadOnlyList<PoolerObservation>> ObservePoolersAsync(CancellationToken cancellationToken)
    {
        var registered = await ListOrEmptyAsync(StoreKeys.Poolers, cancellationToken).ConfigureAwait(false);
        var proxies = await ListOrEmptyAsync(StoreKeys.Proxies, cancellationToken).ConfigureAwait(false);
        var known = _config.Poolers.ToDictionary(
            p => p.Name,
            p => (Info: new PoolerInfo { Cluster = _config.Name, Name = p.Name, Host = p.Host, Port = p.Port, Node = p.Node.Length > 0 ? p.Node : null, Keeper = p.Keeper.ToString() }, Configured: true),
            StringComparer.Ordinal);
        foreach (var entry in registered)
        {
            if (PoolerRegistration.FromJson(entry.Value) is { } pooler)
            {
                known[pooler.Name] = (pooler with { Cluster = _config.Name }, known.ContainsKey(pooler.Name));
            }
        }

        var reports = proxies.Select(e => ProxyReport.FromJson(e.Value)).OfType<ProxyReport>().ToDictionary(p => p.Pooler, StringComparer.Ordinal);
        return await Task.WhenAll(known.Values.OrderBy(p => p.Info.Name, StringComparer.Ordinal).Select(async p => new PoolerObservation(
            await AskAsync(p.Info, cancellationToken).ConfigureAwait(false), reports.GetValueOrDefault(p.Info.Name), p.Configured))).ConfigureAwait(false);
    }

    /// <summary>The whole cluster.</summary>
    public async Task<ClusterView> ObserveAsync(CancellationToken cancellationToken)
    {
        var health = _store.GetHealthAsync(cancellationToken);
        var nodes = ObserveNodesAsync(cancellationToken);
        var poolers = ObservePoolersAsync(cancellationToken);
        await Task.WhenAll(health, nodes, poolers).ConfigureAwait(false);
        var view = new ClusterView
        {
            Cluster = _config.Name,
            Manager = _config.Manager,
            Store = await health.ConfigureAwait(false),
            Nodes = await nodes.ConfigureAwait(false),
            Poolers = await poolers.ConfigureAwait(false),
        };
        if (!view.Store.HasQuorum)
        {
            return view;
        }

        var published = _store.GetAsync(_keys.Primary, cancellationToken);
        var decision = _store.GetAsync(StoreKeys.Operation, cancellationToken);
        var synchronous = _store.GetAsync(StoreKeys.Synchronous, cancellationToken);
        var redirect = _store.GetAsync(StoreKeys.Redirect, cancellationToken);
        var leader = _store.GetAsync(StoreKeys.Leader, cancellationToken);
        var held = _store.GetLockAsync(_keys.Lock, cancellationToken);
        await Task.WhenAll(published, decision, synchronous, redirect, leader, held).ConfigureAwait(false);
        view = view with
        {
            PublishedPrimary = await published.ConfigureAwait(false),
            Decision = OperationDecision.FromJson((await decision.ConfigureAwait(false))?.Value),
            Synchronous = SynchronousPolicyRecord.FromJson((await synchronous.ConfigureAwait(false))?.Value),
            Redirect = Redirect.FromJson((await redirect.ConfigureAwait(false))?.Value),
            Leader = LeaderRecord.FromJson((await leader.ConfigureAwait(false))?.Value),
            Lock = await held.ConfigureAwait(false),
        };

        if (view.Primary is { } primary)
        {
            view = view with { Blockers = await BlockersAsync(primary.Name, cancellationToken).ConfigureAwait(false) };
        }
        else if (!view.RunningPrimaries.Any() && view.PublishedPrimary is { } entry && PrimaryAddress.TryParse(entry.Value, out var address))
        {
            view = view with { PublishedPrimaryAnswers = await _peers.PostgresAnswersAsync(address.Host, address.Port, cancellationToken).ConfigureAwait(false) };
        }

        return view;
    }

    /// <summary>Turns the agents' reports into rows: lag, synchronous state and upstream come from looking at all of them together.</summary>
    /// <param name="answers">Of each node what its agent answered, or why there is no answer.</param>
    /// <param name="suspended">The nodes out of service.</param>
    public IReadOnlyList<NodeObservation> Combine(
        IReadOnlyList<(NodeConfig Node, NodeReport? Report, string Error)> answers, IReadOnlyDictionary<string, NodeSuspension> suspended)
    {
        var primary = answers.FirstOrDefault(a => a.Report?.Postgres is { Role: NodeRole.Primary, State: NodeState.Running }).Report?.Postgres;
        return [.. answers.Select(a =>
        {
            var server = a.Report?.Postgres;
            var peer = primary?.Standbys.FirstOrDefault(s => s.Name == a.Node.Name);
            var applied = server?.ReplayLsn ?? server?.Lsn;
            return new NodeObservation(
                new ClusterNode
                {
                    Cluster = _config.Name,
                    Name = a.Node.Name,
                    Host = a.Node.Host,
                    Port = a.Node.Port,
                    Role = server?.Role ?? NodeRole.Unknown,
                    SyncState = server?.Role == NodeRole.Standby && peer is { State: "streaming" } ? peer.SyncState : SyncState.None,
                    State = server?.State ?? NodeState.Unreachable,
                    Timeline = server?.Timeline ?? 0,
                    Lsn = server?.Lsn?.ToString(),
                    ReplayLsn = server?.ReplayLsn?.ToString(),
                    LagBytes = server?.Role == NodeRole.Standby && primary?.Lsn is { } written && applied is { } replayed ? replayed.BytesBehind(written) : null,
                    LagSeconds = server?.ReplayLagSeconds,
                    Upstream = server?.UpstreamAddress is { } upstream ? NameOf(upstream) : null,
                    FailureDomain = a.Node.FailureDomain,
                    Weight = a.Node.Weight,
                    NoFailover = a.Node.NoFailover,
                    Suspended = suspended.GetValueOrDefault(a.Node.Name)?.ToString(),
                    PendingSettings = [.. (server?.PendingSettings ?? []).Select(RestartOrder.Describe)],
                    ServerVersion = server?.ServerVersion,
                    SystemIdentifier = server?.SystemIdentifier,
                    Agent = a.Node.Agent.ToString(),
                    AgentVersion = a.Report?.AgentVersion,
                    Evidence = a.Report?.Pacemaker is { } pacemaker ? $"{server?.Evidence}; Pacemaker: {pacemaker.Error ?? pacemaker.Of(a.Node.Name)?.Evidence ?? "does not have this node"}" : server?.Evidence ?? a.Error,
                },
                server)
            {
                Address = a.Report?.Address,
                Pacemaker = a.Report?.Pacemaker,
            };
        })];
    }

    /// <summary>The nodes out of service; none when the store does not say: its health is a row of its own.</summary>
    public async Task<IReadOnlyDictionary<string, NodeSuspension>> SuspendedAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await WithinAsync(ct => NodeSuspensions.ReadAsync(_store, ct), cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException)
        {
            return new Dictionary<string, NodeSuspension>();
        }
    }

    private string NameOf(string address) =>
        _config.Nodes.FirstOrDefault(n => string.Create(CultureInfo.InvariantCulture, $"{n.Host}:{n.Port}") == address)?.Name ?? address;

    private async Task<(NodeConfig Node, NodeReport? Report, string Error, bool IsPgcm)> AskAsync(NodeConfig node, CancellationToken cancellationToken)
    {
        try
        {
            return (node, await WithinAsync(_peers.Node(node.Name).GetStatusAsync, cancellationToken).ConfigureAwait(false), "", false);
        }
        catch (PgClusterException e)
        {
            return (node, null, e.Message, e.Reason == Reason.ForeignAgent);
        }
    }

    private async Task<PoolerInfo> AskAsync(PoolerInfo pooler, CancellationToken cancellationToken)
    {
        try
        {
            return await WithinAsync(_peers.Pooler(pooler.Name, pooler.Keeper).GetAsync, cancellationToken).ConfigureAwait(false) with { Cluster = _config.Name };
        }
        catch (PgClusterException e)
        {
            return pooler with { State = PoolerState.Unreachable, Evidence = e.Message };
        }
    }

    private async Task<IReadOnlyList<PauseBlocker>> BlockersAsync(string primary, CancellationToken cancellationToken)
    {
        try
        {
            return await WithinAsync(ct => _peers.Node(primary).GetOpenTransactionsAsync(_config.Failover.BlockerAge, ct), cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException)
        {
            // The same agent's row says that it does not answer, or whose it is.
            return [];
        }
    }

    private async Task<IReadOnlyList<StoreEntry>> ListOrEmptyAsync(string prefix, CancellationToken cancellationToken)
    {
        try
        {
            return (await _store.ListAsync(prefix, cancellationToken).ConfigureAwait(false)).Entries;
        }
        catch (PgClusterException)
        {
            // The store's health is a row of its own; without it the configuration says which poolers there are.
            return [];
        }
    }

    private async Task<T> WithinAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        using var budget = new CancellationTokenSource(_config.Failover.HealthCheckTimeout, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        try
        {
            return await ask(linked.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PgClusterException(Reason.AgentUnreachable, string.Create(
                CultureInfo.InvariantCulture, $"no answer within {_config.Failover.HealthCheckTimeout.TotalSeconds:0.###} s"));
        }
    }
}
