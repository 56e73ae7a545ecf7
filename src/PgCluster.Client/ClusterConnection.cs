using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Etcd;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Election;
using PgCluster.Engine.Events;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Health;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Maintenance;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Pacemaker;
using PgCluster.Engine.Readiness;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Synchronous;
using PgCluster.Engine.Topology;

namespace PgCluster.Client;

/// <summary>
/// An open cluster: everything cmdlets and the command line do goes through here. Safe for any number of calls at a time. Errors are
/// <see cref="PgClusterException"/>.
/// </summary>
public sealed class ClusterConnection : IAsyncDisposable
{
    /// <summary>A node that failed this often within that time is not read from.</summary>
    private const int ErrorThreshold = 3;

    private static readonly TimeSpan ErrorWindow = TimeSpan.FromMinutes(1);

    private readonly ClusterConfig _file;
    private readonly EtcdStore _store;
    private readonly ClusterSites _sites;
    private readonly CircuitBreaker _errors;
    private readonly TimeProvider _time;

    private ClusterConnection(LoadedConfig loaded, TimeProvider time, ILoggerFactory logs)
    {
        _file = loaded.Config;
        ConfigFile = loaded.File is { } file ? Path.GetFullPath(file) : null;
        _time = time;
        _store = new EtcdStore(StoreOptions.From(_file), time, logs.CreateLogger<EtcdStore>());
        _sites = new ClusterSites(_file, _store, time);
        _errors = new CircuitBreaker(ErrorWindow, ErrorThreshold, time);
    }

    /// <summary>The cluster's name.</summary>
    public string Name => _file.Name;

    /// <summary>The file it was opened from; null when none.</summary>
    public string? ConfigFile { get; }

    /// <summary>Names of the nodes as they were known last, for completion: without asking anybody.</summary>
    public IReadOnlyList<string> NodeNames => _sites.Last.Config.Nodes.Select(n => n.Name).ToArray();

    /// <summary>Names of the poolers of the configuration, for completion.</summary>
    public IReadOnlyList<string> PoolerNames => [.. _sites.Last.Config.Poolers.Select(p => p.Name)];

    /// <summary>libpq URI of the way applications take: the first pooler of an application host, else the first of all; to the agents' own database, as their role.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PoolerNotFound"/>: the configuration has no pooler.</exception>
    public string ClientUri
    {
        get
        {
            var pooler = _sites.Last.Config.Poolers.OrderBy(p => p.Node.Length > 0).FirstOrDefault()
                ?? throw new PgClusterException(Reason.PoolerNotFound, "the configuration has no pooler that clients could use");
            return $"postgresql://{Uri.EscapeDataString(_file.Postgres.User)}@{new PrimaryAddress(pooler.Host, pooler.Port).ToHostAndPort()}/{Uri.EscapeDataString(_file.Postgres.Database)}";
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
        var site = await _sites.NowAsync(cancellationToken).ConfigureAwait(false);
        var view = await site.Observer.ObserveAsync(cancellationToken).ConfigureAwait(false);
        var suspension = view.Store.HasQuorum ? await Suspension.ReadAsync(_store, cancellationToken).ConfigureAwait(false) : null;
        return new ClusterSummary
        {
            Name = site.Config.Name,
            Manager = site.Config.Manager.ToString().ToLowerInvariant(),
            Primary = view.Primary?.Name,
            PrimaryAddress = view.PublishedPrimary?.Value,
            Timeline = view.Primary?.Node.Timeline ?? 0,
            Nodes = view.Nodes.Count,
            NodesRunning = view.Nodes.Count(n => n.Node.State == NodeState.Running),
            SynchronousMode = site.Config.Synchronous.Mode,
            SynchronousStandbys = [.. view.Nodes.Where(n => n.Node.SyncState is SyncState.Sync or SyncState.Quorum).Select(n => n.Name)],
            Poolers = view.Poolers.Count,
            PoolersPaused = view.Poolers.Count(p => p.Pooler.State is PoolerState.Paused or PoolerState.Pausing),
            Quorum = view.Store.HasQuorum,
            LockHolder = view.Lock is { Holder: var holder } ? $"{holder.Name}: {holder.Purpose}" : null,
            Automatic = site.Config.Failover.Mode == FailoverMode.Automatic,
            Suspension = suspension,
            SuspendedNodes = [.. (await site.Observer.SuspendedAsync(cancellationToken).ConfigureAwait(false)).Values.OrderBy(s => s.Name, StringComparer.Ordinal)],
            ConfigFile = ConfigFile,
        };
    }

    /// <summary>
    /// Whether every acknowledged commit would outlive the loss of each node, or of each failure domain: elections held on paper, by the rule of the real ones.
    /// </summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NoPrimary"/>, or the store does not answer.</exception>
    public async Task<IReadOnlyList<DurabilityVerdict>> TestDurabilityAsync(DurabilityScope scope, CancellationToken cancellationToken)
    {
        var site = await _sites.NowAsync(cancellationToken).ConfigureAwait(false);
        var view = await site.Observer.ObserveAsync(cancellationToken).ConfigureAwait(false);
        return view.Store.HasQuorum
            ? DurabilityRule.Judge(view, site.Config, scope)
            : throw new PgClusterException(Reason.StoreUnavailable, "etcd does not answer: which standbys commits wait for is not known");
    }

    /// <summary>Every node; one that does not answer is a row with a state.</summary>
    public async Task<IReadOnlyList<ClusterNode>> GetNodesAsync(CancellationToken cancellationToken)
    {
        var site = await _sites.NowAsync(cancellationToken).ConfigureAwait(false);
        return Shown(await site.Observer.ObserveNodesAsync(cancellationToken).ConfigureAwait(false), site);
    }

    /// <summary>Names of the nodes there are now: asks the store, and no agent. While it does not answer they are those that were known last.</summary>
    public async Task<IReadOnlyList<string>> GetNodeNamesAsync(CancellationToken cancellationToken) =>
        [.. (await _sites.NowAsync(cancellationToken).ConfigureAwait(false)).Config.Nodes.Select(n => n.Name)];

    /// <summary>
    /// Each node's health in three views: looked at now by this caller, agreed on by the observers, decided by an administrator. Waits until each observer has written
    /// again, at most two of their rounds. Without the store the consensus is Unknown.
    /// </summary>
    public async Task<IReadOnlyList<NodeHealth>> GetNodeHealthAsync(CancellationToken cancellationToken)
    {
        var site = await _sites.NowAsync(cancellationToken).ConfigureAwait(false);
        var looking = site.Prober.ProbeAllAsync(cancellationToken);
        var reading = ReadConsensusAsync(site, cancellationToken);
        var suspended = site.Observer.SuspendedAsync(cancellationToken);
        await Task.WhenAll(looking, reading, suspended).ConfigureAwait(false);
        return HealthRows.Nodes(site.Config, await looking.ConfigureAwait(false), await reading.ConfigureAwait(false), await suspended.ConfigureAwait(false));
    }

    /// <summary>Who has a vote on the nodes' health, how many are needed and who is missing.</summary>
    /// <exception cref="PgClusterException">The store does not answer.</exception>
    public async Task<QuorumStatus> GetQuorumAsync(CancellationToken cancellationToken)
    {
        var site = await _sites.NowAsync(cancellationToken).ConfigureAwait(false);
        return HealthRows.Quorum(site.Config, await site.Health.ReadAsync(cancellationToken).ConfigureAwait(false));
    }

    /// <summary>
    /// A node to read from, see <see cref="ReadRouter"/>. It is healthy here when three looks in a row find it well; one whose looks failed three times within a minute, as
    /// seen by this connection, is avoided. Without any limit asked for, failover.max_lag holds.
    /// </summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NoSuitableNode"/>, saying of each node why not.</exception>
    public async Task<SyncedNode> FindReadNodeAsync(ReadRequest request, CancellationToken cancellationToken)
    {
        var site = await _sites.NowAsync(cancellationToken).ConfigureAwait(false);
        if (request is { MaxLagBytes: null, MaxLag: null, PastLsn: null })
        {
            request = request with { MaxLagBytes = site.Config.Failover.MaxLag };
        }

        var suspended = site.Observer.SuspendedAsync(cancellationToken);
        var trackers = site.Config.Nodes.ToDictionary(n => n.Name, n => new NodeHealthTracker(n.Name, _time), StringComparer.Ordinal);
        for (var look = 0; look < NodeHealthTracker.Threshold; look++)
        {
            // Who failed is not asked again: a dead host costs the budget once.
            foreach (var probe in await site.Prober.ProbeAsync(site.Config.Nodes.Where(n => trackers[n.Name].State == HealthState.Unknown), cancellationToken).ConfigureAwait(false))
            {
                trackers[probe.Node].Record(probe);
                if (!probe.Success)
                {
                    _errors.Record(probe.Node, NodeErrorKind.Read);
                }
            }
        }

        var rows = site.Observer.Combine(
            [.. site.Config.Nodes.Select(n => (n, trackers[n.Name].Last?.Report, trackers[n.Name].Last?.Detail ?? ""))], await suspended.ConfigureAwait(false));
        return ReadRouter.Choose(
            site.Config.Name,
            [.. rows.Select(r => new ReadCandidate(r.Node, trackers[r.Name].State, _errors.IsOpen(r.Name), trackers[r.Name].Last?.Detail ?? ""))],
            request,
            Random.Shared.Next);
    }

    /// <summary>Every pooler, configured or registered; one that does not answer is a row with a state.</summary>
    public async Task<IReadOnlyList<PoolerInfo>> GetPoolersAsync(CancellationToken cancellationToken) =>
        [.. (await (await _sites.NowAsync(cancellationToken).ConfigureAwait(false)).Observer.ObservePoolersAsync(cancellationToken).ConfigureAwait(false)).Select(p => p.Pooler)];

    /// <summary>Pauses a pooler under a lease of its own.</summary>
    /// <param name="pooler">A row of <see cref="GetPoolersAsync"/>.</param>
    /// <param name="holder">user@host of who asks.</param>
    /// <param name="timeout">For the paused state; null for failover.pause_timeout.</param>
    /// <param name="expiry">When the keeper resumes by itself; null for failover.pause_expiry.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<PauseLease> SuspendPoolerAsync(
        PoolerInfo pooler, string holder, TimeSpan? timeout, TimeSpan? expiry, CancellationToken cancellationToken)
    {
        var keeper = _sites.Last.Peers.Pooler(pooler.Name, pooler.Keeper);
        var id = Guid.CreateVersion7(_time.GetUtcNow()).ToString("n");
        try
        {
            return await keeper.PauseAsync(
                id, holder, timeout ?? _file.Failover.PauseTimeout, expiry ?? _file.Failover.PauseExpiry, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The caller is gone; whether the pause came to be is not known.
            using var budget = new CancellationTokenSource(_file.Failover.ResumeTimeout, _time);
            await ((Task)keeper.ResumeAsync(id, budget.Token)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    /// <summary>Resumes a pooler; true when it was paused.</summary>
    /// <param name="pooler">A row of <see cref="GetPoolersAsync"/>.</param>
    /// <param name="leaseId">Only if this lease holds it; null for whichever does.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<bool> ResumePoolerAsync(PoolerInfo pooler, string? leaseId, CancellationToken cancellationToken) =>
        _sites.Last.Peers.Pooler(pooler.Name, pooler.Keeper).ResumeAsync(leaseId, cancellationToken);

    /// <summary>What a restart of a pooler under its clients would find; changes nothing.</summary>
    /// <param name="pooler">A row of <see cref="GetPoolersAsync"/>.</param>
    /// <param name="mayDrop">Whether clients that PgBouncer does not hand over, those under TLS, may be dropped.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.PreflightFailed"/> and others: it may not, and what to do instead.</exception>
    public Task<PoolerRestart> PlanPoolerRestartAsync(PoolerInfo pooler, bool mayDrop, CancellationToken cancellationToken) =>
        _sites.Last.Peers.Pooler(pooler.Name, pooler.Keeper).RestartAsync(mayDrop, planOnly: true, cancellationToken);

    /// <summary>Has a new process of the same program take a pooler's connections over from the running one. What was begun comes to its end, also when the caller goes away.</summary>
    /// <inheritdoc cref="PlanPoolerRestartAsync"/>
    /// <exception cref="PgClusterException">
    /// As <see cref="PlanPoolerRestartAsync"/>; <see cref="Reason.LockHeld"/>: it is paused; <see cref="Reason.RolledBack"/>: the old process goes on; <see cref="Reason.NeedsOperator"/>: no process does.
    /// </exception>
    public Task<PoolerRestart> RestartPoolerAsync(PoolerInfo pooler, bool mayDrop, CancellationToken cancellationToken) =>
        _sites.Last.Peers.Pooler(pooler.Name, pooler.Keeper).RestartAsync(mayDrop, planOnly: false, cancellationToken);

    /// <summary>What a failover would do and whether it may; changes nothing. The plan has steps exactly when it may run.</summary>
    public async Task<OperationPlan> PlanFailoverAsync(FailoverRequest request, CancellationToken cancellationToken) =>
        (await (await _sites.NowAsync(cancellationToken).ConfigureAwait(false)).Failover.AssessAsync(request, cancellationToken).ConfigureAwait(false)).Plan;

    /// <summary>Runs a plan of <see cref="PlanFailoverAsync"/>; what goes wrong in its steps is in the report.</summary>
    /// <exception cref="PgClusterException">The plan may not run; nothing was changed.</exception>
    public async Task<OperationReport> RunFailoverAsync(
        OperationPlan plan, FailoverRequest request, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        if (FailoverAssessment.RefusalOf(plan) is { } refusal)
        {
            throw refusal;
        }

        var site = await _sites.NowAsync(cancellationToken).ConfigureAwait(false);
        return await site.Failover.RunAsync(plan, request, observer, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>How a node would come back as a standby of the leader, and what that costs; changes nothing. The plan has steps exactly when it may run.</summary>
    /// <exception cref="PgClusterException">The node's agent could not find out, and why.</exception>
    public async Task<RepairPlan> PlanRepairAsync(RepairRequest request, CancellationToken cancellationToken) =>
        await (await _sites.NowAsync(cancellationToken).ConfigureAwait(false)).Repair.PlanAsync(request, cancellationToken).ConfigureAwait(false);

    /// <summary>Runs a plan of <see cref="PlanRepairAsync"/>; what goes wrong in its steps is in the report.</summary>
    /// <exception cref="PgClusterException">The plan may not run, or there is nothing to repair; nothing was changed.</exception>
    public async Task<OperationReport> RunRepairAsync(RepairPlan plan, RepairRequest request, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if (RefusalOf(plan.Operation) is { } refusal)
        {
            throw refusal;
        }

        if (plan.Operation.Steps.Count == 0)
        {
            throw new PgClusterException(Reason.InvalidArgument, $"{plan.Name} needs no repair: {plan.Why}") { Target = plan.Name };
        }

        var site = await _sites.NowAsync(cancellationToken).ConfigureAwait(false);
        return await site.Repair.RunAsync(plan, request, observer, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Which nodes would be restarted, in which order and why; changes nothing. The plan has steps exactly when it may run and there is something to do.</summary>
    public async Task<OperationPlan> PlanRestartAsync(RestartRequest request, CancellationToken cancellationToken) =>
        await (await OwnSiteAsync("a restart of its servers", cancellationToken).ConfigureAwait(false)).Restart.PlanAsync(request, cancellationToken).ConfigureAwait(false);

    /// <summary>Runs a plan of <see cref="PlanRestartAsync"/>; what goes wrong in its steps is in the report.</summary>
    /// <exception cref="PgClusterException">The plan may not run, or there is nothing to restart; nothing was changed.</exception>
    public async Task<OperationReport> RunRestartAsync(OperationPlan plan, RestartRequest request, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if (RefusalOf(plan) is { } refusal)
        {
            throw refusal;
        }

        if (plan.Steps.Count == 0)
        {
            throw new PgClusterException(Reason.InvalidArgument, "there is nothing to restart") { Target = plan.Cluster };
        }

        var site = await _sites.NowAsync(cancellationToken).ConfigureAwait(false);
        return await site.Restart.RunAsync(plan, request, observer, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The daemons of the cluster: those of every machine whose agent, or whose proxy with an address, answers. Silent has an error for each that does not.</summary>
    public async Task<(IReadOnlyList<ClusterDaemon> Daemons, IReadOnlyList<PgClusterException> Silent)> GetDaemonsAsync(CancellationToken cancellationToken) =>
        await (await _sites.NowAsync(cancellationToken).ConfigureAwait(false)).Daemons.ListAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>Which daemons would be followed by new processes, and in which order; changes nothing. The plan has steps exactly when it may run and there is one.</summary>
    public async Task<OperationPlan> PlanDaemonUpgradeAsync(DaemonUpgradeRequest request, CancellationToken cancellationToken) =>
        await (await _sites.NowAsync(cancellationToken).ConfigureAwait(false)).Daemons.PlanUpgradeAsync(request, cancellationToken).ConfigureAwait(false);

    /// <summary>Runs a plan of <see cref="PlanDaemonUpgradeAsync"/>; what goes wrong in its steps is in the report.</summary>
    /// <exception cref="PgClusterException">The plan may not run, or there is no daemon to follow; nothing was changed.</exception>
    public async Task<OperationReport> RunDaemonUpgradeAsync(OperationPlan plan, DaemonUpgradeRequest request, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if (RefusalOf(plan) is { } refusal)
        {
            throw refusal;
        }

        if (plan.Steps.Count == 0)
        {
            throw new PgClusterException(Reason.InvalidArgument, "there is no daemon to follow") { Target = plan.Cluster };
        }

        return await (await _sites.NowAsync(cancellationToken).ConfigureAwait(false)).Daemons.UpgradeAsync(plan, request, observer, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Starts a daemon's program to see whether it could take over from it; the daemon goes on.</summary>
    public async Task<DaemonRehearsal> RehearseDaemonAsync(ClusterDaemon daemon, CancellationToken cancellationToken) =>
        await (await _sites.NowAsync(cancellationToken).ConfigureAwait(false)).Daemons.RehearseAsync(daemon, cancellationToken).ConfigureAwait(false);

    /// <summary>Lets a daemon end, and returns when it has.</summary>
    /// <param name="daemon">As <see cref="GetDaemonsAsync"/> had it.</param>
    /// <param name="drain">How long what its clients have begun may go on; null to end it as a SIGTERM does.</param>
    /// <param name="cancellationToken">Ends the wait; the daemon ends all the same.</param>
    /// <exception cref="PgClusterException">It was not told, and goes on: <see cref="Reason.PlanStale"/>, <see cref="Reason.NotSupportedHere"/>, <see cref="Reason.AccessDenied"/>.</exception>
    public async Task StopDaemonAsync(ClusterDaemon daemon, TimeSpan? drain, CancellationToken cancellationToken) =>
        await (await _sites.NowAsync(cancellationToken).ConfigureAwait(false)).Daemons.StopAsync(daemon, drain, cancellationToken).ConfigureAwait(false);

    /// <summary>What taking a node out of service would do, and whether it may; changes nothing. The plan has steps exactly when it may run.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>.</exception>
    public async Task<OperationPlan> PlanNodeSuspensionAsync(NodeSuspensionRequest request, CancellationToken cancellationToken) =>
        await (await _sites.NowAsync(cancellationToken).ConfigureAwait(false)).Suspension.PlanAsync(request, cancellationToken).ConfigureAwait(false);

    /// <summary>
    /// Runs a plan of <see cref="PlanNodeSuspensionAsync"/>; what goes wrong in its steps is in the report, and then there is no suspension.
    /// </summary>
    /// <exception cref="PgClusterException">The plan may not run; nothing was changed.</exception>
    public async Task<(OperationReport Report, NodeSuspension? Suspension)> RunNodeSuspensionAsync(
        OperationPlan plan, NodeSuspensionRequest request, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        if (RefusalOf(plan) is { } refusal)
        {
            throw refusal;
        }

        var site = await _sites.NowAsync(cancellationToken).ConfigureAwait(false);
        return await site.Suspension.RunAsync(plan, request, observer, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Puts a node back into service; what it was suspended for, or null when it was in service.</summary>
    /// <param name="node">The node.</param>
    /// <param name="actor">user@host of who asks.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.NodeNotFound"/>, or why the store does not do it.</exception>
    public async Task<NodeSuspension?> ResumeNodeAsync(string node, string actor, CancellationToken cancellationToken) =>
        await (await _sites.NowAsync(cancellationToken).ConfigureAwait(false)).Suspension.ResumeAsync(node, actor, cancellationToken).ConfigureAwait(false);

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
        new PoolerRoute(_store, _sites.Last.Peers, _sites.Last.Config, _time, new Redirect(runId, RedirectState.Pending, host, port, database, sourceDatabase), holder, back);

    /// <summary>Suspends the automatic failover: it ends by itself.</summary>
    /// <param name="length">For how long: 1 s to 7 days.</param>
    /// <param name="why">Why.</param>
    /// <param name="owner">user@host of who asks.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>, or why the store does not do it.</exception>
    public async Task<ClusterSuspension> SuspendAsync(TimeSpan length, string why, string owner, CancellationToken cancellationToken)
    {
        var suspension = await Suspension.BeginAsync(_store, _file.Name, owner, why, length, _time, cancellationToken).ConfigureAwait(false);
        await UntilMaintenanceAsync(true, cancellationToken).ConfigureAwait(false);
        return suspension;
    }

    /// <summary>Ends a suspension early; null when there was none.</summary>
    /// <param name="actor">user@host of who asks.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public async Task<ClusterSuspension?> ResumeAsync(string actor, CancellationToken cancellationToken)
    {
        // Maintenance that somebody else began is his to end.
        var ours = await _store.GetAsync(PacemakerDebt.KeyOf(PacemakerDebtKind.Maintenance, ""), cancellationToken).ConfigureAwait(false) is not null;
        var ended = await Suspension.EndAsync(_store, actor, _time, cancellationToken).ConfigureAwait(false);
        if (ended is not null && ours)
        {
            await UntilMaintenanceAsync(false, cancellationToken).ConfigureAwait(false);
        }

        return ended;
    }

    /// <summary>Who would lead next if the leader were lost now: asks every agent and changes nothing.</summary>
    public async Task<ElectionOutlook> RehearseElectionAsync(CancellationToken cancellationToken)
    {
        var site = await OwnSiteAsync("an election", cancellationToken).ConfigureAwait(false);
        var ballot = await ElectionBallot.ReadAsync(_store, cancellationToken).ConfigureAwait(false);
        var verdict = await ballot.VoteAsync(
            site.Config,
            (node, token) => site.Peers.Node(node.Name).GetStatusAsync(token), ballot.Leader?.Node, _ => null, _time, cancellationToken).ConfigureAwait(false);
        return new ElectionOutlook
        {
            Cluster = site.Config.Name,
            Leader = ballot.Leader?.Node,
            Winner = verdict.Winner,
            Vouched = verdict.Vouched,
            Suspended = ballot.IsSuspended || site.Config.Failover.Mode != FailoverMode.Automatic,
            Evidence = verdict.Evidence,
            Candidates = verdict.Candidates,
        };
    }

    /// <summary>Where Pacemaker is the manager the agents tell it, and whoever suspends wants it to have heard.</summary>
    private async Task UntilMaintenanceAsync(bool on, CancellationToken cancellationToken)
    {
        if (_file.Manager == ClusterManager.Pacemaker)
        {
            var site = await _sites.NowAsync(cancellationToken).ConfigureAwait(false);
            await PacemakerWait.UntilAsync(site.Observer, _file.Pacemaker, _time, p => p.InMaintenance == on, on ? "maintenance mode" : "the end of maintenance mode", cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The refusal of a plan as an error; null when it may run.</summary>
    public static PgClusterException? RefusalOf(OperationPlan plan) => FailoverAssessment.RefusalOf(plan);

    /// <summary>Adds the report of an operation that was not run by this connection itself to the history, as far as the store can be reached.</summary>
    internal Task RecordAsync(OperationReport report) => _sites.Last.Failover.RecordAsync(report);

    /// <summary>The history, newest first.</summary>
    public async Task<IReadOnlyList<OperationReport>> GetHistoryAsync(CancellationToken cancellationToken) =>
        [.. (await _store.ListAsync(StoreKeys.History, cancellationToken).ConfigureAwait(false)).Entries
            .OrderByDescending(e => e.Key, StringComparer.Ordinal).Select(e => OperationHistory.FromJson(e.Value)).OfType<OperationReport>()];

    /// <summary>
    /// The published primary now, then each change, until cancelled; and every split brain with its end, seen by asking the servers themselves. Survives the store's
    /// restarts; what was missed shows as a gap.
    /// </summary>
    /// <param name="warn">Told, once, when the servers cannot be asked from here; null for nobody.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<PrimaryChange> WatchPrimaryAsync(Action<string>? warn, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var site = await _sites.NowAsync(cancellationToken).ConfigureAwait(false);
        await foreach (var change in new PrimaryWatch(_store, site.Servers, site.Config, _time).ReadAsync(warn ?? (static _ => { }), cancellationToken).ConfigureAwait(false))
        {
            yield return change;
        }
    }

    /// <summary>How the cluster stands now, then everything that happens to it, until cancelled. Survives the store's restarts; what was missed shows as a gap.</summary>
    public async IAsyncEnumerable<ClusterEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var site = await _sites.NowAsync(cancellationToken).ConfigureAwait(false);
        await foreach (var change in new ClusterWatch(_store, site.Config, _time).ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            yield return change;
        }
    }

    /// <summary>What taking the cluster under management, or making it, would do and whether it may; changes nothing. The plan has steps exactly when it may run.</summary>
    public async Task<OperationPlan> PlanInitializeAsync(InitializeRequest request, CancellationToken cancellationToken) =>
        await (await InitializeAsync(cancellationToken).ConfigureAwait(false)).PlanAsync(request, cancellationToken).ConfigureAwait(false);

    /// <summary>Runs a plan of <see cref="PlanInitializeAsync"/>; what goes wrong in its steps is in the report.</summary>
    /// <exception cref="PgClusterException">The plan may not run; nothing was changed.</exception>
    public async Task<OperationReport> RunInitializeAsync(OperationPlan plan, InitializeRequest request, IOperationObserver? observer, CancellationToken cancellationToken) =>
        RefusalOf(plan) is { } refusal
            ? throw refusal
            : await (await InitializeAsync(cancellationToken).ConfigureAwait(false)).RunAsync(plan, request, observer, cancellationToken).ConfigureAwait(false);

    /// <summary>What adding a node would do and whether it may; changes nothing. The plan has steps exactly when it may run.</summary>
    public async Task<OperationPlan> PlanAddNodeAsync(AddNodeRequest request, CancellationToken cancellationToken) =>
        await (await MembershipAsync(cancellationToken).ConfigureAwait(false)).PlanAddAsync(request, cancellationToken).ConfigureAwait(false);

    /// <summary>Runs a plan of <see cref="PlanAddNodeAsync"/>; what goes wrong in its steps is in the report.</summary>
    /// <exception cref="PgClusterException">The plan may not run; nothing was changed.</exception>
    public async Task<OperationReport> RunAddNodeAsync(OperationPlan plan, AddNodeRequest request, IOperationObserver? observer, CancellationToken cancellationToken) =>
        RefusalOf(plan) is { } refusal
            ? throw refusal
            : await (await MembershipAsync(cancellationToken).ConfigureAwait(false)).RunAddAsync(plan, request, observer, cancellationToken).ConfigureAwait(false);

    /// <summary>What removing a node would do and whether it may; changes nothing. The plan has steps exactly when it may run.</summary>
    public async Task<OperationPlan> PlanRemoveNodeAsync(RemoveNodeRequest request, CancellationToken cancellationToken) =>
        await (await MembershipAsync(cancellationToken).ConfigureAwait(false)).PlanRemoveAsync(request, cancellationToken).ConfigureAwait(false);

    /// <summary>Runs a plan of <see cref="PlanRemoveNodeAsync"/>; what goes wrong in its steps is in the report.</summary>
    /// <exception cref="PgClusterException">The plan may not run; nothing was changed.</exception>
    public async Task<OperationReport> RunRemoveNodeAsync(OperationPlan plan, RemoveNodeRequest request, IOperationObserver? observer, CancellationToken cancellationToken) =>
        RefusalOf(plan) is { } refusal
            ? throw refusal
            : await (await MembershipAsync(cancellationToken).ConfigureAwait(false)).RunRemoveAsync(plan, request, observer, cancellationToken).ConfigureAwait(false);

    /// <summary>
    /// Has the leader adjust the roles at once, as it does by itself every roles.adjustment_interval; returns what was changed. With <see cref="RoleAdjustmentRequest.PlanOnly"/> nothing is changed, and the plan says
    /// what would be.
    /// </summary>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.NoPrimary"/>: nobody leads. <see cref="Reason.InvalidConfiguration"/>: the roles are the operator's (synchronous.mode manual). <see cref="Reason.PlanStale"/>: the leader has changed meanwhile.
    /// </exception>
    public async Task<RolePlan> AdjustRolesAsync(RoleAdjustmentRequest request, CancellationToken cancellationToken)
    {
        var site = await OwnSiteAsync("who has which role", cancellationToken).ConfigureAwait(false);
        var leader = LeaderRecord.FromJson((await _store.GetAsync(StoreKeys.Leader, cancellationToken).ConfigureAwait(false))?.Value)
            ?? throw new PgClusterException(Reason.NoPrimary, "nobody leads, and without a leader there is nobody whose standbys could be chosen");
        return await site.Peers.Node(leader.Node).AdjustRolesAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What changing a node would do and whether it may; changes nothing. Without steps and without a check that failed there is nothing to change.</summary>
    public async Task<OperationPlan> PlanSetNodeAsync(SetNodeRequest request, CancellationToken cancellationToken) =>
        await (await MembershipAsync(cancellationToken).ConfigureAwait(false)).PlanSetAsync(request, cancellationToken).ConfigureAwait(false);

    /// <summary>Runs a plan of <see cref="PlanSetNodeAsync"/>; what goes wrong in its steps is in the report.</summary>
    /// <exception cref="PgClusterException">The plan may not run, or there is nothing to change; nothing was changed.</exception>
    public async Task<OperationReport> RunSetNodeAsync(OperationPlan plan, SetNodeRequest request, IOperationObserver? observer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(request);
        if (RefusalOf(plan) is { } refusal)
        {
            throw refusal;
        }

        return plan.Steps.Count > 0
            ? await (await MembershipAsync(cancellationToken).ConfigureAwait(false)).RunSetAsync(plan, request, observer, cancellationToken).ConfigureAwait(false)
            : throw new PgClusterException(Reason.InvalidArgument, $"nothing of {request.Name} would change") { Target = request.Name };
    }

    /// <summary>
    /// Waits until all of the nodes are what is asked for at the same time, and gives them as they are then. Looks about twice a second; the nodes may be down, and so may etcd, until
    /// the time is over.
    /// </summary>
    /// <param name="names">The nodes; null for all there are, at each look anew.</param>
    /// <param name="condition">What for.</param>
    /// <param name="timeout">How long: 1 ms to 7 days.</param>
    /// <param name="looked">Told after each look what each node lacks; null for nobody.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.NodeNotReady"/>, saying of each node that is missing what it lacks; <see cref="Reason.NodeNotFound"/>; <see cref="Reason.InvalidArgument"/>.
    /// </exception>
    public async Task<IReadOnlyList<ClusterNode>> WaitForNodesAsync(
        IReadOnlyCollection<string>? names, NodeCondition condition, TimeSpan timeout, Action<IReadOnlyList<NodeReadiness>>? looked, CancellationToken cancellationToken)
    {
        var view = await new ReadinessWait(LookAsync, _time).RunAsync(names, condition, timeout, looked ?? (static _ => { }), cancellationToken).ConfigureAwait(false);
        return Shown(view.Nodes.Where(n => names?.Contains(n.Name) ?? true), _sites.Last);

        async Task<ReadinessLook> LookAsync(CancellationToken token)
        {
            var site = await _sites.NowAsync(token).ConfigureAwait(false);
            var viewing = site.Observer.ObserveAsync(token);
            var agreeing = condition == NodeCondition.Ready ? ReadConsensusAsync(site, token) : Task.FromResult<ConsensusView?>(null);
            await Task.WhenAll(viewing, agreeing).ConfigureAwait(false);
            return new ReadinessLook(site.Config.Manager, await viewing.ConfigureAwait(false), await agreeing.ConfigureAwait(false));
        }
    }

    /// <summary>Looks at everything that the cluster's health and its next failover depend on; changes nothing. What does not answer is a check that says so.</summary>
    public async Task<IReadOnlyList<PreflightCheck>> CheckAsync(CancellationToken cancellationToken)
    {
        var site = await _sites.NowAsync(cancellationToken).ConfigureAwait(false);
        var viewing = site.Observer.ObserveAsync(cancellationToken);
        var agreeing = ReadConsensusAsync(site, cancellationToken);
        var rehearsing = OrNullAsync(RehearseElectionAsync(cancellationToken));
        var clocks = ReadClocksAsync(site, cancellationToken);
        var settings = ReadSettingsAsync(site, cancellationToken);
        await Task.WhenAll(viewing, agreeing, rehearsing, clocks, settings).ConfigureAwait(false);
        var view = await viewing.ConfigureAwait(false);
        var ballot = view.Store.HasQuorum ? await OrNullAsync(ElectionBallot.ReadAsync(_store, cancellationToken)).ConfigureAwait(false) : null;
        var (suspensionRead, suspension) = await ReadSuspensionAsync(view.Store.HasQuorum, cancellationToken).ConfigureAwait(false);
        return Checkup.Run(new CheckupFacts
        {
            Config = site.Config,
            View = view,
            Leader = ballot?.Leader,
            LastLeader = ballot?.LastLeader,
            StoreWasRead = ballot is not null && suspensionRead,
            Suspension = suspension,
            Consensus = await agreeing.ConfigureAwait(false),
            Outlook = await rehearsing.ConfigureAwait(false),
            ClockOffsets = await clocks.ConfigureAwait(false),
            Settings = await settings.ConfigureAwait(false),
        });
    }

    /// <summary>True when no check failed; a warning is no failure.</summary>
    public static bool IsSound(IEnumerable<PreflightCheck> checks) => Checkup.IsSound(checks);

    /// <summary>Closes every connection.</summary>
    public async ValueTask DisposeAsync()
    {
        await _sites.DisposeAsync().ConfigureAwait(false);
        await _store.DisposeAsync().ConfigureAwait(false);
    }

    private ClusterNode[] Shown(IEnumerable<NodeObservation> nodes, ClusterSite site) =>
        [.. nodes.Select(n => n.Node with { Overrides = NodeSettings.Overrides(_file, site.Config, n.Name) })];

    /// <summary>The site, for what the agents do only where they hold the cluster together themselves.</summary>
    /// <param name="what">What that is, in words.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.NotSupportedHere"/>: Pacemaker does.</exception>
    private async Task<ClusterSite> OwnSiteAsync(string what, CancellationToken cancellationToken) => _file.Manager == ClusterManager.Pacemaker
        ? throw new PgClusterException(Reason.NotSupportedHere, $"Pacemaker holds {_file.Name} together (cluster.manager), and {what} is its business: use its own tools for that") { Target = _file.Name }
        : await _sites.NowAsync(cancellationToken).ConfigureAwait(false);

    private async Task<InitializeFlow> InitializeAsync(CancellationToken cancellationToken)
    {
        var site = await OwnSiteAsync("how it begins", cancellationToken).ConfigureAwait(false);
        return new InitializeFlow(site.Config, _store, site.Peers, _time);
    }

    private async Task<MembershipFlow> MembershipAsync(CancellationToken cancellationToken)
    {
        var site = await OwnSiteAsync("who is a member", cancellationToken).ConfigureAwait(false);
        return new MembershipFlow(_file, _store, site.Observer, _time);
    }

    private static async Task<ConsensusView?> ReadConsensusAsync(ClusterSite site, CancellationToken cancellationToken)
    {
        try
        {
            var observers = await site.Health.ReadAsync(cancellationToken).ConfigureAwait(false);
            return HealthConsensus.Judge(observers, site.Config.Nodes.Select(n => n.Name), site.Config.Health);
        }
        catch (PgClusterException)
        {
            // What this caller sees is worth showing also when nobody can say what the others do.
            return null;
        }
    }

    private static async Task<T?> OrNullAsync<T>(Task<T> work)
        where T : class?
    {
        try
        {
            return await work.ConfigureAwait(false);
        }
        catch (PgClusterException)
        {
            // The store's health is a check of its own.
            return null;
        }
    }

    private async Task<(bool Read, ClusterSuspension? Suspension)> ReadSuspensionAsync(bool hasQuorum, CancellationToken cancellationToken)
    {
        try
        {
            return hasQuorum ? (true, await Suspension.ReadAsync(_store, cancellationToken).ConfigureAwait(false)) : (false, null);
        }
        catch (PgClusterException)
        {
            return (false, null);
        }
    }

    /// <summary>How far each agent's clock is off at least: what it says lies before the question or after the answer.</summary>
    private async Task<IReadOnlyDictionary<string, TimeSpan>> ReadClocksAsync(ClusterSite site, CancellationToken cancellationToken)
    {
        var asked = await Task.WhenAll(site.Config.Nodes.Select(async node =>
        {
            var before = _time.GetUtcNow();
            var probe = (await site.Prober.ProbeAsync([node], cancellationToken).ConfigureAwait(false))[0];
            var after = _time.GetUtcNow();
            TimeSpan? offset = probe.Report?.ObservedAt is not { } said ? null : said > after ? said - after : said < before ? said - before : TimeSpan.Zero;
            return (node.Name, Offset: offset);
        })).ConfigureAwait(false);
        return asked.Where(a => a.Offset is not null).ToDictionary(a => a.Name, a => a.Offset!.Value, StringComparer.Ordinal);
    }

    private static async Task<IReadOnlyDictionary<string, ServerSettings>> ReadSettingsAsync(ClusterSite site, CancellationToken cancellationToken)
    {
        var asked = await Task.WhenAll(site.Config.Nodes.Select(async node =>
            (node.Name, Settings: await OrNullAsync(site.Servers.ReadSettingsAsync(node, site.Config.Postgres.ConnectTimeout, cancellationToken)).ConfigureAwait(false)))).ConfigureAwait(false);
        return asked.Where(a => a.Settings is not null).ToDictionary(a => a.Name, a => a.Settings!, StringComparer.Ordinal);
    }
}
