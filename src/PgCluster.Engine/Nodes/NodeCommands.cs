using System.Globalization;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Rejoin;
using PgCluster.Engine.Roles;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Nodes;

/// <summary>What an agent does for others: answers, votes, and the commands of whoever holds the cluster's lock.</summary>
public sealed class NodeCommands : INodeAgent
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);

    private readonly NodeContext _node;
    private readonly NodeLeader _leader;
    private readonly NodeTakeover _takeover;
    private readonly NodeFailsafe _failsafe;
    private readonly NodeRejoin _rejoin;
    private readonly RoleKeeper _roles;
    private readonly CancellationToken _stopping;
    private Task _deadman = Task.CompletedTask;

    internal NodeCommands(
        NodeContext node, NodeLeader leader, NodeTakeover takeover, NodeFailsafe failsafe, NodeRejoin rejoin, RoleKeeper roles, CancellationToken stopping)
    {
        _node = node;
        _leader = leader;
        _takeover = takeover;
        _failsafe = failsafe;
        _rejoin = rejoin;
        _roles = roles;
        _stopping = stopping;
    }

    /// <summary>What still watches over a server that an operation stopped.</summary>
    internal Task Deadman => _deadman;

    /// <summary>Until no operation has this server stopped: one that has, and is forgotten, is settled first. Whatever has been settled since is not waited for.</summary>
    internal async Task UntilSettledAsync()
    {
        while (_node.StoppedFor is not null && !_deadman.IsCompleted)
        {
            await Task.WhenAny(_deadman, Task.Delay(BetweenLooks, _node.Time)).ConfigureAwait(false);
        }
    }

    /// <summary>What the agent sees now.</summary>
    public async Task<NodeReport> GetStatusAsync(CancellationToken cancellationToken)
    {
        var status = await _node.Server.ProbeAsync(cancellationToken).ConfigureAwait(false);
        _node.Status = status;
        return _node.Describe(status);
    }

    /// <summary>Client sessions with a transaction open for longer than that.</summary>
    public async Task<IReadOnlyList<PauseBlocker>> GetOpenTransactionsAsync(TimeSpan olderThan, CancellationToken cancellationToken) =>
        [.. (await _node.Server.GetOpenTransactionsAsync(olderThan, cancellationToken).ConfigureAwait(false)).Select(b => b with { Node = _node.Self.Name })];

    /// <summary>Terminates sessions for the holder of the lock.</summary>
    public async Task<int> TerminateSessionsAsync(OperationToken operation, IReadOnlyList<int> pids, CancellationToken cancellationToken)
    {
        await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
        return await _node.Server.TerminateSessionsAsync(pids, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>CHECKPOINT for the holder of the lock.</summary>
    public async Task CheckpointAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
        await _node.Server.CheckpointAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<PostgresShutdown> StopPrimaryAsync(OperationToken operation, string target, TimeSpan expiry, CancellationToken cancellationToken)
    {
        using var gate = await _node.EnterAsync(cancellationToken).ConfigureAwait(false);
        await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
        var status = await _node.Server.ProbeAsync(cancellationToken).ConfigureAwait(false);
        if (status is not { Role: NodeRole.Primary, State: NodeState.Running })
        {
            throw new PgClusterException(Reason.PlanStale, $"{_node.Self.Name} is {status.Role} and {status.State}") { Target = _node.Self.Name };
        }

        // A fast shutdown waits only for the standbys that are connected: without this look a target that has just left would be found out
        // after the primary is down, while clients wait.
        if (status.Standbys.FirstOrDefault(s => s.Name == target) is not { State: "streaming" })
        {
            throw new PgClusterException(Reason.NoEligibleCandidate, $"{target} does not stream from {_node.Self.Name} any more") { Target = target };
        }

        NodeLog.Stopping(_node.Logger, operation.Id, target, expiry.TotalSeconds);
        ArmDeadman(operation.Id, expiry);
        var shutdown = await _node.Server.StopAsync(ShutdownMode.Fast, cancellationToken).ConfigureAwait(false);

        // The leadership stays with this node until the target takes it over: nobody else is to be elected meanwhile.
        if (shutdown.Clean && !await _node.Seat.YieldAsync(operation.Id, cancellationToken).ConfigureAwait(false))
        {
            throw new PgClusterException(Reason.LockLost, $"{_node.Self.Name} does not lead any more") { Target = _node.Self.Name };
        }

        return shutdown;
    }

    /// <summary>See <see cref="INodeAgent.RestartPrimaryAsync"/>. The lock need not be held: an operation that lost it has to be undone too.</summary>
    public async Task RestartPrimaryAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        using var gate = await _node.EnterAsync(cancellationToken).ConfigureAwait(false);
        if (await SettleAsync(operation.Id, cancellationToken).ConfigureAwait(false) != NodeAction.Start)
        {
            throw new PgClusterException(Reason.PlanStale, $"operation {operation.Id} was decided for its target: {_node.Self.Name} follows it") { Target = _node.Self.Name };
        }
    }

    /// <inheritdoc/>
    public Task<Lsn> WaitForReplayAsync(Lsn lsn, CancellationToken cancellationToken) => _node.Server.WaitForReplayAsync(lsn, cancellationToken);

    /// <inheritdoc/>
    public Task<NodeReport> VoteAsync(CancellationToken cancellationToken) => _takeover.VoteAsync(cancellationToken);

    /// <inheritdoc/>
    public Task VouchAsync(string leader, string term, CancellationToken cancellationToken)
    {
        _failsafe.Vouch(leader, term);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<Promotion> PromoteAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        using var gate = await _node.EnterAsync(cancellationToken).ConfigureAwait(false);

        // A look that the server did not answer in time says nothing of its timeline, and the leader's record would carry a wrong one.
        var before = _node.Status is { Role: NodeRole.Standby, State: NodeState.Running, Timeline: > 0 } seen ? seen : await _node.Server.ProbeAsync(cancellationToken).ConfigureAwait(false);
        _node.RefuseUnlessOurs(before);
        var decided = await _takeover.DecideForSelfAsync(operation, before, cancellationToken).ConfigureAwait(false);
        return await _takeover.PromoteAndPublishAsync(decided, before).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task FollowAsync(OperationToken operation, UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        int timeline;
        using (await _node.EnterAsync(cancellationToken).ConfigureAwait(false))
        {
            await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
            timeline = await TimelineOfAsync(operation, upstream, cancellationToken).ConfigureAwait(false);

            // Not with the caller's token: one that dies now must not leave a server behind that is a standby on disk and down. Until this is done
            // the dead man's timer stays armed.
            using var budget = new CancellationTokenSource(_node.Config.Failover.FollowTimeout, _node.Time);
            await _node.Server.FollowAsync(await WithSlotAsync(upstream, budget.Token).ConfigureAwait(false), budget.Token).ConfigureAwait(false);
            _node.StoppedFor = null;
            await _node.Seat.ReleaseAsync($"it follows {upstream.Name}", cancellationToken).ConfigureAwait(false);
        }

        await UntilStreamingAsync(upstream, timeline, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<NodeSurvey> SurveyAsync(IReadOnlyList<UpstreamAddress> others, CancellationToken cancellationToken) =>
        await _node.Server.SurveyAsync(others, cancellationToken).ConfigureAwait(false) with { AgentVersion = _node.Version };

    /// <inheritdoc/>
    public async Task AdoptAsync(OperationToken operation, string systemIdentifier, UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        using (await _node.EnterAsync(cancellationToken).ConfigureAwait(false))
        {
            await VerifyLockAsync(operation, cancellationToken).ConfigureAwait(false);
            var status = await _node.Server.ProbeAsync(cancellationToken).ConfigureAwait(false);
            if (status.SystemIdentifier != systemIdentifier)
            {
                throw new PgClusterException(Reason.ForeignServer, $"the server of {_node.Self.Name} is of database system {status.SystemIdentifier}, not {systemIdentifier}") { Target = _node.Self.Name };
            }

            if (status is not { Role: NodeRole.Standby, State: NodeState.Running })
            {
                throw new PgClusterException(Reason.PlanStale, $"{_node.Self.Name} is {status.Role} and {status.State}: {status.Evidence}") { Target = _node.Self.Name };
            }

            await _node.Server.FollowAsync(upstream, cancellationToken).ConfigureAwait(false);
        }

        await UntilStreamingAsync(upstream, 0, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<string> MakeServerAsync(OperationToken operation, string locale, string encoding, CancellationToken cancellationToken)
    {
        using var gate = await _node.EnterAsync(cancellationToken).ConfigureAwait(false);
        await VerifyLockAsync(operation, cancellationToken).ConfigureAwait(false);
        await RefuseIfKnownAsync(cancellationToken).ConfigureAwait(false);
        return await _node.Server.MakeNewAsync(NewServerOrder.For(_node.Config, _node.Self, operation.Id, locale, encoding), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task BeginServerAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        using var gate = await _node.EnterAsync(cancellationToken).ConfigureAwait(false);
        await VerifyLockAsync(operation, cancellationToken).ConfigureAwait(false);
        await RefuseIfKnownAsync(cancellationToken).ConfigureAwait(false);
        await _node.Server.PlaceNewAsync(operation.Id, cancellationToken).ConfigureAwait(false);

        // It is down because nobody has started it yet, not because a person wants it so.
        _node.StoppedByAgent = true;
        _node.Wake();
    }

    /// <inheritdoc/>
    public async Task<bool> DiscardServerAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        using var gate = await _node.EnterAsync(cancellationToken).ConfigureAwait(false);
        return await _node.Server.DiscardNewAsync(operation.Id, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Only a cluster that nobody has ever led can be made.</summary>
    private async Task RefuseIfKnownAsync(CancellationToken cancellationToken)
    {
        foreach (var key in new[] { StoreKeys.Cluster, StoreKeys.Leader, StoreKeys.LastLeader })
        {
            if (await _node.Store.GetAsync(key, cancellationToken).ConfigureAwait(false) is not null)
            {
                throw new PgClusterException(Reason.PlanStale, $"{_node.Config.Name} exists already: {key} is in etcd") { Target = _node.Self.Name };
            }
        }
    }

    private async Task UntilStreamingAsync(UpstreamAddress upstream, int timeline, CancellationToken cancellationToken)
    {
        var wanted = NodeContext.TextOf(upstream);
        while (true)
        {
            _node.Status = await _node.Server.ProbeAsync(cancellationToken).ConfigureAwait(false);
            if (_node.Status is { State: NodeState.Running, Role: NodeRole.Standby } && _node.Status.UpstreamAddress == wanted && _node.Status.Timeline >= timeline)
            {
                _node.Wake();
                return;
            }

            if (_node.Status.State is NodeState.Stopped or NodeState.Crashed)
            {
                throw new PgClusterException(Reason.PostgresUnavailable, $"{_node.Self.Name} went down again as a standby of {upstream.Name}: {_node.Status.Evidence}") { Target = _node.Self.Name };
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), _node.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public Task<RejoinInspection> InspectRejoinAsync(UpstreamAddress upstream, CancellationToken cancellationToken) => _rejoin.InspectAsync(upstream, cancellationToken);

    /// <inheritdoc/>
    public async Task<RejoinOutcome> RejoinAsync(OperationToken operation, UpstreamAddress upstream, RejoinOrder order, CancellationToken cancellationToken)
    {
        using var gate = await _node.EnterAsync(cancellationToken).ConfigureAwait(false);
        await VerifyLockAsync(operation, cancellationToken).ConfigureAwait(false);

        // Only a copy that a person has asked for may take the place of what is not this cluster's.
        if (order.Request != RepairMethod.Clone)
        {
            _node.RefuseUnlessOurs(_node.Status);
        }

        return await _rejoin.RunAsync(await WithSlotAsync(upstream, cancellationToken).ConfigureAwait(false), order, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task RestartServerAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        using var gate = await _node.EnterAsync(cancellationToken).ConfigureAwait(false);
        await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
        var status = await _node.Server.ProbeAsync(cancellationToken).ConfigureAwait(false);
        var isPrimary = status.Role == NodeRole.Primary;
        if (status.State is not (NodeState.Running or NodeState.NotStreaming) || (isPrimary && !_node.Seat.IsHeld))
        {
            throw new PgClusterException(Reason.PlanStale, $"{_node.Self.Name} is {status.Role} and {status.State}{(isPrimary ? ", and does not lead" : "")}: {status.Evidence}") { Target = _node.Self.Name };
        }

        // From here on without the caller's token: a server that was told to stop has to be started again.
        NodeLog.Restarting(_node.Logger, operation.Id, status.Role);
        _node.EndsOnCommand = status.PostmasterPid;
        _node.StoppedByAgent = true;
        await StopForRestartAsync().ConfigureAwait(false);
        var failure = isPrimary ? await _leader.ComeBackAsync().ConfigureAwait(false) : await StartStandbyAsync().ConfigureAwait(false);
        if (failure is not null)
        {
            throw new PgClusterException(Reason.PostgresUnavailable, $"{_node.Self.Name} did not come back: {failure}") { Target = _node.Self.Name };
        }

        _node.Status = await _node.Server.ProbeAsync(CancellationToken.None).ConfigureAwait(false);
        _node.Wake();
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ClientSession>> GetSessionsAsync(CancellationToken cancellationToken) =>
        await _node.Server.GetSessionsAsync(cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<RolePlan> AdjustRolesAsync(RoleAdjustmentRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        return _roles.AdjustAsync(request, cancellationToken);
    }

    internal void ArmDeadman(string operationId, TimeSpan expiry)
    {
        _node.StoppedFor = operationId;
        _deadman = Task.Run(() => ReturnAfterAsync(operationId, expiry, _stopping), CancellationToken.None);
    }

    /// <summary>Brings the server back when the operation that stopped it was forgotten. Carries the operation's id: a later one is none of its business.</summary>
    private async Task ReturnAfterAsync(string operationId, TimeSpan expiry, CancellationToken cancellationToken)
    {
        await Task.Delay(expiry, _node.Time, cancellationToken).ConfigureAwait(false);
        while (_node.StoppedFor == operationId)
        {
            try
            {
                using var gate = await _node.EnterAsync(cancellationToken).ConfigureAwait(false);
                if (_node.StoppedFor == operationId)
                {
                    NodeLog.Expired(_node.Logger, operationId);
                    await SettleAsync(operationId, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (PgClusterException e) when (e.Reason == Reason.PlanStale)
            {
                // A later operation has begun: what to do with a server that is down is decided as when the agent starts.
                _node.StoppedFor = null;
                _node.Starting = true;
                _node.Wake();
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // The leadership ended while the server was being started: the next try decides anew.
                await Task.Delay(_node.Config.Agent.KeyRetryInterval, _node.Time, cancellationToken).ConfigureAwait(false);
            }
            catch (PgClusterException e)
            {
                NodeLog.TurnFailed(_node.Logger, e.Reason, e.Message);
                await Task.Delay(_node.Config.Agent.KeyRetryInterval, _node.Time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>An archiver or a standby that hangs must not keep clients waiting: what a shutdown at once leaves undone, the start makes up for.</summary>
    private async Task StopForRestartAsync()
    {
        using var budget = new CancellationTokenSource(_node.Config.Failover.MigrateTimeout, _node.Time);
        try
        {
            await _node.Server.StopAsync(ShutdownMode.Fast, budget.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            NodeLog.ShutdownTooSlow(_node.Logger, _node.Config.Failover.MigrateTimeout.TotalSeconds);
            await _node.Server.StopAsync(ShutdownMode.Immediate, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task<string?> StartStandbyAsync()
    {
        using var budget = new CancellationTokenSource(_node.Config.Failover.RestartTimeout, _node.Time);
        try
        {
            await _node.Server.StartAsync(budget.Token).ConfigureAwait(false);
            _node.StoppedByAgent = false;
            return null;
        }
        catch (PgClusterException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException)
        {
            return string.Create(CultureInfo.InvariantCulture, $"it does not accept connections {_node.Config.Failover.RestartTimeout.TotalSeconds:0.###} s after its start (failover.restart_timeout)");
        }
    }

    /// <summary>Settles an operation that stopped this server: abandoned, it starts as the primary it was; decided for the target, it follows.</summary>
    private async Task<NodeAction> SettleAsync(string operationId, CancellationToken cancellationToken)
    {
        var decision = await DecisionLog.DecideAsync(_node.Store, operationId, DecisionState.Abandoned, 0, [], cancellationToken).ConfigureAwait(false);
        var action = decision.State == DecisionState.Promoted && decision.Target != _node.Self.Name ? NodeAction.Follow : NodeAction.Start;
        NodeLog.Settled(_node.Logger, operationId, decision.State, action);
        if (action == NodeAction.Start)
        {
            // It still leads, or does so again; and says that it does not yield any more, so that the operation's target cannot take over.
            var status = await _node.Server.ProbeAsync(cancellationToken).ConfigureAwait(false);
            if (!(_node.Seat.IsHeld && await _node.Seat.YieldAsync(null, cancellationToken).ConfigureAwait(false)) && !await _leader.LeadAsync(status, cancellationToken).ConfigureAwait(false))
            {
                throw new PgClusterException(Reason.PlanStale, $"operation {operationId} was abandoned, but {_node.Self.Name} does not lead any more") { Target = _node.Self.Name };
            }

            await _node.Server.StartAsync(_node.Seat.Token).ConfigureAwait(false);
        }
        else
        {
            await _node.Server.FollowAsync(await WithSlotAsync(_node.UpstreamOf(decision.Target), cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
            await _node.Seat.ReleaseAsync($"it follows {decision.Target}", cancellationToken).ConfigureAwait(false);
        }

        _node.StoppedFor = null;
        _node.Wake();
        return action;
    }

    private async Task<UpstreamAddress> WithSlotAsync(UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        var status = _node.Status ?? await _node.Server.ProbeAsync(cancellationToken).ConfigureAwait(false);
        var slots = (await _node.ReportOfAsync(upstream.Name, cancellationToken).ConfigureAwait(false))?.Postgres.Slots ?? [];
        return upstream with { Slot = SlotPolicy.ToStreamThrough(_node.Config, _node.Self.Name, status, slots) };
    }

    /// <summary>
    /// The timeline a standby of <paramref name="upstream"/> has to reach; 0 when it was not promoted by this operation. A standby streams the old
    /// timeline to its end first and disconnects there, so one that streams at all has not arrived yet.
    /// </summary>
    private async Task<int> TimelineOfAsync(OperationToken operation, UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        var entry = await _node.Store.GetAsync(StoreKeys.Operation, cancellationToken).ConfigureAwait(false);
        return OperationDecision.FromJson(entry?.Value) is { State: DecisionState.Promoted } decision
            && decision.Id == operation.Id && decision.Target == upstream.Name ? decision.Timeline : 0;
    }

    private async Task VerifyAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        await VerifyLockAsync(operation, cancellationToken).ConfigureAwait(false);
        _node.RefuseUnlessOurs(_node.Status);
    }

    private async Task VerifyLockAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        var held = await _node.Store.GetLockAsync(_node.Keys.Lock, cancellationToken).ConfigureAwait(false);
        if (held?.Key != operation.LockKey || held.CreateRevision != operation.LockRevision)
        {
            throw new PgClusterException(Reason.LockLost, $"operation {operation.Id} does not hold the cluster's lock");
        }
    }
}
