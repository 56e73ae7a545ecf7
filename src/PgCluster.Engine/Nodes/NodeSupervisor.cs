using System.Globalization;
using Microsoft.Extensions.Logging;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Store;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Nodes;

/// <summary>
/// The agent of one node, manager native: watches its server and the published primary, publishes the node's state and, as the primary, its
/// address, does what <see cref="NodeDecider"/> says, and carries out the commands of whoever holds the cluster's lock.
/// One gate orders commands and its own actions, so that neither sees the other half-done.
/// </summary>
public sealed partial class NodeSupervisor : IAsyncDisposable
{
    private readonly NodeConfig _self;
    private readonly ClusterConfig _config;
    private readonly IPostgresServer _server;
    private readonly IClusterStore _store;
    private readonly StoreKeys _keys;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly string _version;
    private readonly string _address;
    private readonly RedirectSettler _redirects;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly CancellationTokenSource _stopping = new();

    private IStoreLease? _lease;
    private PostgresStatus? _status;
    private SynchronousPolicyRecord? _recordedPolicy;
    private volatile string? _stoppedFor;
    private volatile bool _starting = true;
    private Task _deadman = Task.CompletedTask;

    /// <summary>Makes the agent of node <paramref name="self"/>; it takes over neither the server's nor the store's disposal.</summary>
    public NodeSupervisor(
        NodeConfig self, ClusterConfig config, IPostgresServer server, IClusterStore store, TimeProvider time, ILogger<NodeSupervisor> logger, string version)
    {
        _self = self;
        _config = config;
        _server = server;
        _store = store;
        _keys = new StoreKeys(config.Etcd.PrimaryKey);
        _time = time;
        _logger = logger;
        _version = version;
        _address = new PrimaryAddress(self.Host, self.Port).ToString();

        // Until then a pause of the redirect's client may still be held.
        _redirects = new RedirectSettler(server, store, config.Failover.PauseExpiry, time, logger);
    }

    /// <summary>The server as last probed; null before the first probe.</summary>
    public PostgresStatus? LastStatus => _status;

    /// <summary>True while the store answers: the node's lease is alive.</summary>
    public bool StoreReachable => _lease is { Lost.IsCancellationRequested: false };

    /// <summary>Works until <paramref name="cancellationToken"/> ends it; the server stays as it is then.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        var token = linked.Token;
        var watching = Task.WhenAll(WatchPrimaryAsync(token), WatchProcessAsync(token));
        try
        {
            while (!token.IsCancellationRequested)
            {
                var starting = _starting;
                if (await TurnAsync(starting, token).ConfigureAwait(false) && starting)
                {
                    _starting = false;
                }

                await _wake.WaitAsync(_starting ? TimeSpan.FromMilliseconds(200) : _config.Agent.ProbeInterval, token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
        }

        await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _deadman.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>What the agent sees now.</summary>
    public async Task<NodeReport> GetStatusAsync(CancellationToken cancellationToken)
    {
        var status = await _server.ProbeAsync(cancellationToken).ConfigureAwait(false);
        _status = status;
        return Describe(status);
    }

    /// <summary>Client sessions with a transaction open for longer than that.</summary>
    public async Task<IReadOnlyList<PauseBlocker>> GetOpenTransactionsAsync(TimeSpan olderThan, CancellationToken cancellationToken) =>
        [.. (await _server.GetOpenTransactionsAsync(olderThan, cancellationToken).ConfigureAwait(false)).Select(b => b with { Node = _self.Name })];

    /// <summary>Terminates sessions for the holder of the lock.</summary>
    public async Task<int> TerminateSessionsAsync(OperationToken operation, IReadOnlyList<int> pids, CancellationToken cancellationToken)
    {
        await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
        return await _server.TerminateSessionsAsync(pids, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>CHECKPOINT for the holder of the lock.</summary>
    public async Task CheckpointAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
        await _server.CheckpointAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>See <see cref="INodeAgent.StopPrimaryAsync"/>.</summary>
    public async Task<PostgresShutdown> StopPrimaryAsync(OperationToken operation, string target, TimeSpan expiry, CancellationToken cancellationToken)
    {
        using var gate = await EnterAsync(cancellationToken).ConfigureAwait(false);
        await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
        var status = await _server.ProbeAsync(cancellationToken).ConfigureAwait(false);
        if (status is not { Role: NodeRole.Primary, State: NodeState.Running })
        {
            throw new PgClusterException(Reason.PlanStale, $"{_self.Name} is {status.Role} and {status.State}") { Target = _self.Name };
        }

        // A fast shutdown waits only for the standbys that are connected: without this look a target that has just left would be found out
        // after the primary is down, while clients wait.
        if (status.Standbys.FirstOrDefault(s => s.Name == target) is not { State: "streaming" })
        {
            throw new PgClusterException(Reason.NoEligibleCandidate, $"{target} does not stream from {_self.Name} any more") { Target = target };
        }

        LogStopping(operation.Id, target, expiry.TotalSeconds);
        ArmDeadman(operation.Id, expiry);
        return await _server.StopAsync(ShutdownMode.Fast, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>See <see cref="INodeAgent.RestartPrimaryAsync"/>. The lock need not be held: an operation that lost it has to be undone too.</summary>
    public async Task RestartPrimaryAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        using var gate = await EnterAsync(cancellationToken).ConfigureAwait(false);
        if (await SettleAsync(operation.Id, cancellationToken).ConfigureAwait(false) != NodeAction.Start)
        {
            throw new PgClusterException(Reason.PlanStale, $"operation {operation.Id} was decided for its target: {_self.Name} follows it") { Target = _self.Name };
        }
    }

    /// <summary>See <see cref="INodeAgent.WaitForReplayAsync"/>.</summary>
    public Task<Lsn> WaitForReplayAsync(Lsn lsn, CancellationToken cancellationToken) => _server.WaitForReplayAsync(lsn, cancellationToken);

    /// <summary>See <see cref="INodeAgent.PromoteAsync"/>.</summary>
    public async Task<Promotion> PromoteAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        using var gate = await EnterAsync(cancellationToken).ConfigureAwait(false);
        var before = _status ?? await _server.ProbeAsync(cancellationToken).ConfigureAwait(false);
        var decided = await DecisionLog.DecideAsync(
            _store, operation.Id, DecisionState.Promoted, before.Timeline + 1,
            [new StoreCondition.CreateRevisionIs(operation.LockKey, operation.LockRevision)], cancellationToken).ConfigureAwait(false);
        if (decided is not { State: DecisionState.Promoted } || decided.Target != _self.Name)
        {
            throw new PgClusterException(Reason.PlanStale, $"operation {operation.Id} was {decided.State} for {decided.Target}") { Target = _self.Name };
        }

        // Decided: from here on nothing but this server's own failure keeps it from becoming the primary, also when the caller is gone.
        var began = _time.GetTimestamp();
        var timeline = await _server.PromoteAsync(CancellationToken.None).ConfigureAwait(false);
        var promoted = _time.GetElapsedTime(began);

        // One write and no look first: clients wait for it. Its report goes with it, so that standbys which see the key find the node to be a primary.
        var now = _status = before with { Role = NodeRole.Primary, State = NodeState.Running, Timeline = timeline, ReplayLsn = null, UpstreamAddress = null };
        var published = await _store.CommitAsync(
            [],
            [
                new StoreOperation.Put(_keys.Primary, _address),
                new StoreOperation.Put(StoreKeys.Nodes + _self.Name, Describe(now).ToJson(), _lease),
                new StoreOperation.Put(StoreKeys.Operation, (decided with { Timeline = timeline }).ToJson()),
            ],
            CancellationToken.None).ConfigureAwait(false);
        LogPublished(_address, published.Revision);
        LogPromoted(operation.Id, timeline, promoted.TotalMilliseconds);
        Wake();
        return new Promotion(timeline, _address, published.Revision, promoted.TotalMilliseconds, (_time.GetElapsedTime(began) - promoted).TotalMilliseconds);
    }

    /// <summary>See <see cref="INodeAgent.FollowAsync"/>.</summary>
    public async Task FollowAsync(OperationToken operation, UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        int timeline;
        using (await EnterAsync(cancellationToken).ConfigureAwait(false))
        {
            await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
            timeline = await TimelineOfAsync(operation, upstream, cancellationToken).ConfigureAwait(false);

            // Not with the caller's token: one that dies now must not leave a server behind that is a standby on disk and down. Until this is done
            // the dead man's timer stays armed.
            using var budget = new CancellationTokenSource(_config.Failover.FollowTimeout, _time);
            await _server.FollowAsync(upstream, budget.Token).ConfigureAwait(false);
            _stoppedFor = null;
        }

        var wanted = string.Create(CultureInfo.InvariantCulture, $"{upstream.Host}:{upstream.Port}");
        while (true)
        {
            _status = await _server.ProbeAsync(cancellationToken).ConfigureAwait(false);
            if (_status is { State: NodeState.Running, Role: NodeRole.Standby } && _status.UpstreamAddress == wanted && _status.Timeline >= timeline)
            {
                Wake();
                return;
            }

            if (_status.State is NodeState.Stopped or NodeState.Crashed)
            {
                throw new PgClusterException(Reason.PostgresUnavailable, $"{_self.Name} went down again as a standby of {upstream.Name}: {_status.Evidence}") { Target = _self.Name };
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Withdraws the node's report from the store. The server stays as it is.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _deadman.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_lease is { } lease)
        {
            _lease = null;
            await lease.DisposeAsync().ConfigureAwait(false);
        }

        _stopping.Dispose();
        _gate.Dispose();
        _wake.Dispose();
    }

    /// <summary>One look and what follows from it. Returns true when the look was complete: the store answered.</summary>
    private async Task<bool> TurnAsync(bool starting, CancellationToken cancellationToken)
    {
        try
        {
            using var gate = await EnterAsync(cancellationToken).ConfigureAwait(false);
            var status = await _server.ProbeAsync(cancellationToken).ConfigureAwait(false);
            _status = status;

            // A standby may serve reads while the store is away; a primary may not be started before the store says that it still is the one.
            if (starting && status is { State: NodeState.Stopped or NodeState.Crashed, Role: NodeRole.Standby })
            {
                await _server.StartAsync(cancellationToken).ConfigureAwait(false);
                status = _status = await _server.ProbeAsync(cancellationToken).ConfigureAwait(false);
            }

            await RefreshReportAsync(status, cancellationToken).ConfigureAwait(false);
            if (_stoppedFor is not null)
            {
                return true;
            }

            var situation = await SituationAsync(status, cancellationToken).ConfigureAwait(false);
            await ActAsync(starting ? NodeDecider.OnStart(situation) : NodeDecider.WhileRunning(situation), situation, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (PgClusterException e)
        {
            LogTurnFailed(e.Reason, e.Message);
            return false;
        }
    }

    private async Task ActAsync(NodeAction action, NodeSituation situation, CancellationToken cancellationToken)
    {
        switch (action)
        {
            case NodeAction.Start:
                LogStarting(situation.Server.Role);
                await _server.StartAsync(cancellationToken).ConfigureAwait(false);
                Wake();
                break;
            case NodeAction.Publish:
                await PublishAsync(situation.Server, cancellationToken).ConfigureAwait(false);
                break;
            case NodeAction.Follow:
                var upstream = _config.Nodes.First(n => n.Name == (situation.PublishedNode ?? situation.Decision!.Target));
                if (situation.Server.UpstreamAddress != string.Create(CultureInfo.InvariantCulture, $"{upstream.Host}:{upstream.Port}"))
                {
                    await _server.FollowAsync(new UpstreamAddress(upstream.Name, upstream.Host, upstream.Port), cancellationToken).ConfigureAwait(false);
                }

                break;
            case NodeAction.Fence:
                LogFencing(situation.Decision!.Target, situation.Decision.Timeline);
                await _server.StopAsync(ShutdownMode.Fast, cancellationToken).ConfigureAwait(false);
                Wake();
                break;
            case NodeAction.Abandon:
                var abandoned = await DecisionLog.DecideAsync(
                    _store, situation.Decision!.Id, DecisionState.Abandoned, 0, [], cancellationToken).ConfigureAwait(false);
                LogSettled(abandoned.Id, abandoned.State, NodeAction.None);
                break;
            case NodeAction.Settle:
                ArmDeadman(situation.Decision!.Id, _config.Failover.PauseExpiry);
                break;
            case NodeAction.Repair:
                LogNeedsRepair(situation.PublishedNode ?? situation.Decision!.Target);
                break;
        }

        if (situation.Server is { Role: NodeRole.Primary, State: NodeState.Running } && situation.PublishedNode == _self.Name)
        {
            await RecordPolicyAsync(situation.Server, cancellationToken).ConfigureAwait(false);
            await _redirects.TurnAsync(situation.Locked, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<NodeSituation> SituationAsync(PostgresStatus status, CancellationToken cancellationToken)
    {
        var published = await _store.GetAsync(_keys.Primary, cancellationToken).ConfigureAwait(false);
        var decision = await _store.GetAsync(StoreKeys.Operation, cancellationToken).ConfigureAwait(false);
        var node = published is not null && PrimaryAddress.TryParse(published.Value, out var address)
            ? _config.Nodes.FirstOrDefault(n => n.Host == address.Host && n.Port == address.Port)?.Name
            : null;
        var isPrimary = node is not null && node != _self.Name
            && (await _store.GetAsync(StoreKeys.Nodes + node, cancellationToken).ConfigureAwait(false)) is { } entry
            && NodeReport.FromJson(entry.Value)?.Postgres is { Role: NodeRole.Primary, State: NodeState.Running };
        var locked = await _store.GetLockAsync(_keys.Lock, cancellationToken).ConfigureAwait(false) is not null;
        return new NodeSituation(_self.Name, status, node, isPrimary, OperationDecision.FromJson(decision?.Value), locked);
    }

    /// <summary>A look at the server as a report of this node.</summary>
    public NodeReport Describe(PostgresStatus status) => new(_self.Name, status, _version, _time.GetUtcNow());

    private async Task RefreshReportAsync(PostgresStatus status, CancellationToken cancellationToken)
    {
        if (_lease is { Lost.IsCancellationRequested: true } gone)
        {
            _lease = null;
            await gone.DisposeAsync().ConfigureAwait(false);
        }

        _lease ??= await _store.GrantLeaseAsync(_config.Agent.StateTtl, cancellationToken).ConfigureAwait(false);
        await _store.PutAsync(StoreKeys.Nodes + _self.Name, Describe(status).ToJson(), _lease, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Publishes this node as the primary outside an operation. The decision must stand as it was read: a primary that is being replaced must not
    /// publish itself over its successor.
    /// </summary>
    private async Task PublishAsync(PostgresStatus status, CancellationToken cancellationToken)
    {
        var entry = await _store.GetAsync(StoreKeys.Operation, cancellationToken).ConfigureAwait(false);
        var commit = await _store.CommitAsync(
            [entry is null ? new StoreCondition.Absent(StoreKeys.Operation) : new StoreCondition.ModRevisionIs(StoreKeys.Operation, entry.ModRevision)],
            [
                new StoreOperation.Put(_keys.Primary, _address),
                new StoreOperation.Put(StoreKeys.Nodes + _self.Name, Describe(status).ToJson(), _lease),
            ],
            cancellationToken).ConfigureAwait(false);
        if (!commit.Succeeded)
        {
            throw new PgClusterException(Reason.PlanStale, "an operation was announced while the primary was being published; trying again");
        }

        LogPublished(_address, commit.Revision);
    }

    private async Task RecordPolicyAsync(PostgresStatus status, CancellationToken cancellationToken)
    {
        var policy = SynchronousPolicyRecord.Parse(_self.Name, status.Timeline, status.SynchronousStandbyNames);
        if (_recordedPolicy?.ToJson() != policy.ToJson())
        {
            await _store.CompareAndUpdateAsync(StoreKeys.Synchronous, policy.ToJson(), cancellationToken).ConfigureAwait(false);
            _recordedPolicy = policy;
        }
    }

    private void ArmDeadman(string operationId, TimeSpan expiry)
    {
        _stoppedFor = operationId;
        _deadman = Task.Run(() => ReturnAfterAsync(operationId, expiry, _stopping.Token), CancellationToken.None);
    }

    /// <summary>Brings the server back when the operation that stopped it was forgotten. Carries the operation's id: a later one is none of its business.</summary>
    private async Task ReturnAfterAsync(string operationId, TimeSpan expiry, CancellationToken cancellationToken)
    {
        await Task.Delay(expiry, _time, cancellationToken).ConfigureAwait(false);
        while (_stoppedFor == operationId)
        {
            try
            {
                using var gate = await EnterAsync(cancellationToken).ConfigureAwait(false);
                if (_stoppedFor == operationId)
                {
                    LogExpired(operationId);
                    await SettleAsync(operationId, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (PgClusterException e) when (e.Reason == Reason.PlanStale)
            {
                // A later operation has begun: what to do with a server that is down is decided as when the agent starts.
                _stoppedFor = null;
                _starting = true;
                Wake();
            }
            catch (PgClusterException e)
            {
                LogTurnFailed(e.Reason, e.Message);
                await Task.Delay(_config.Agent.KeyRetryInterval, _time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Settles an operation that stopped this server: abandoned, it starts as the primary it was; decided for the target, it follows.</summary>
    private async Task<NodeAction> SettleAsync(string operationId, CancellationToken cancellationToken)
    {
        var decision = await DecisionLog.DecideAsync(_store, operationId, DecisionState.Abandoned, 0, [], cancellationToken).ConfigureAwait(false);
        var action = decision.State == DecisionState.Promoted && decision.Target != _self.Name ? NodeAction.Follow : NodeAction.Start;
        LogSettled(operationId, decision.State, action);
        if (action == NodeAction.Start)
        {
            await _server.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        else
        {
            var target = _config.Nodes.First(n => n.Name == decision.Target);
            await _server.FollowAsync(new UpstreamAddress(target.Name, target.Host, target.Port), cancellationToken).ConfigureAwait(false);
        }

        _stoppedFor = null;
        Wake();
        return action;
    }

    /// <summary>
    /// The timeline a standby of <paramref name="upstream"/> has to reach; 0 when it was not promoted by this operation. A standby streams the old
    /// timeline to its end first and disconnects there, so one that streams at all has not arrived yet.
    /// </summary>
    private async Task<int> TimelineOfAsync(OperationToken operation, UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        var entry = await _store.GetAsync(StoreKeys.Operation, cancellationToken).ConfigureAwait(false);
        return OperationDecision.FromJson(entry?.Value) is { State: DecisionState.Promoted } decision
            && decision.Id == operation.Id && decision.Target == upstream.Name ? decision.Timeline : 0;
    }

    private async Task VerifyAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        var held = await _store.GetLockAsync(_keys.Lock, cancellationToken).ConfigureAwait(false);
        if (held?.Key != operation.LockKey || held.CreateRevision != operation.LockRevision)
        {
            throw new PgClusterException(Reason.LockLost, $"operation {operation.Id} does not hold the cluster's lock");
        }
    }

    private async Task WatchPrimaryAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var watch = await _store.WatchAsync(_keys.Primary, isPrefix: false, fromRevision: 0, cancellationToken).ConfigureAwait(false);
                await using (watch.ConfigureAwait(false))
                {
                    Wake();
                    await foreach (var _ in watch.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                    {
                        Wake();
                    }
                }
            }
            catch (PgClusterException e)
            {
                LogTurnFailed(e.Reason, e.Message);
                await Task.Delay(_config.Agent.KeyRetryInterval, _time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task WatchProcessAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            if (_status is { PostmasterPid: > 0 })
            {
                await _server.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
                Wake();
            }

            await Task.Delay(_config.Agent.ProbeInterval, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private void Wake()
    {
        try
        {
            _wake.Release();
        }
        catch (SemaphoreFullException)
        {
            // A turn is due already; it will see this change too.
        }
    }

    private async Task<Gate> EnterAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        return new Gate(_gate);
    }

    private readonly struct Gate(SemaphoreSlim semaphore) : IDisposable
    {
        public void Dispose() => semaphore.Release();
    }

    [LoggerMessage(2001, LogLevel.Information, "Stopping the primary for operation {Operation} to {Target}; it returns by itself after {ExpirySeconds} s")]
    private partial void LogStopping(string operation, string target, double expirySeconds);

    [LoggerMessage(2002, LogLevel.Information, "Promoted for operation {Operation}: timeline {Timeline}, writable after {Milliseconds} ms")]
    private partial void LogPromoted(string operation, int timeline, double milliseconds);

    [LoggerMessage(2003, LogLevel.Information, "Published {Address} as the primary at revision {Revision}")]
    private partial void LogPublished(string address, long revision);

    [LoggerMessage(2004, LogLevel.Warning, "Stopping this server: {Target} was decided to be the primary on timeline {Timeline}")]
    private partial void LogFencing(string target, int timeline);

    [LoggerMessage(2005, LogLevel.Warning, "Operation {Operation} stopped this server and was not carried to its end in time")]
    private partial void LogExpired(string operation);

    [LoggerMessage(2006, LogLevel.Information, "Operation {Operation} is {State}: {Action}")]
    private partial void LogSettled(string operation, DecisionState state, NodeAction action);

    [LoggerMessage(2007, LogLevel.Information, "Starting PostgreSQL as a {Role}")]
    private partial void LogStarting(NodeRole role);

    [LoggerMessage(2008, LogLevel.Warning, "This server crashed as a primary and {Primary} has taken over: it stays down until it is repaired")]
    private partial void LogNeedsRepair(string primary);

    [LoggerMessage(2009, LogLevel.Warning, "{Reason}: {Message}")]
    private partial void LogTurnFailed(Reason reason, string message);
}
