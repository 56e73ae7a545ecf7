using PgCluster.Engine.Election;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Engine.Synchronous;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Nodes;

/// <summary>What a node does to lead with the server it has, as long as it leads, and to stop leading.</summary>
internal sealed class NodeLeader
{
    private readonly NodeContext _node;
    private readonly SynchronousKeeper _synchronous;

    // As it was last seen serving, and what commits waited for then: what a crash is judged by.
    private PostgresStatus? _lastAsPrimary;
    private SynchronousPolicyRecord? _lastPolicy;

    // Begun when this leader's server died, and left to whoever takes over.
    private TakeoverPause? _pause;

    // Nobody took over from a leader that stepped aside: it does not do so again before it has been well.
    private bool _steppedAside;
    private Task _stepDown = Task.CompletedTask;

    public NodeLeader(NodeContext node, SynchronousKeeper synchronous)
    {
        _node = node;
        _synchronous = synchronous;
        node.Seat.OnLost = term =>
        {
            // Where only the store cannot be reached, clients still come here.
            BeginPause(term);
            _stepDown = Task.Run(() => StepDownAsync("its lease could not be renewed", term), CancellationToken.None);
        };
    }

    /// <summary>What is still being done because the lease was lost.</summary>
    public Task SteppingDown => _stepDown;

    /// <summary>Takes the leadership for a server that is, or was, the primary. False when another node has it, or the store has changed meanwhile.</summary>
    public async Task<bool> LeadAsync(PostgresStatus status, CancellationToken cancellationToken)
    {
        var ballot = await ElectionBallot.ReadAsync(_node.Store, cancellationToken).ConfigureAwait(false);

        // Read again: whoever has led since the look that brought this about has what this server may lack.
        var now = new NodeSituation(_node.Self.Name, status) { Cluster = ballot.Cluster, Leader = ballot.Leader, LastLeader = ballot.LastLeader, Decision = ballot.Operation };
        if (now.IsForeign || now.AnotherOutranks)
        {
            return false;
        }

        // With the leadership, not after it: from a leader that dies before its first word nobody could take over.
        var policy = status.State == NodeState.Running && status.Role == NodeRole.Primary ? _synchronous.Look(status, ballot.Synchronous).Record : null;

        // pg_control of a server that crashed may still be on the timeline before its last promotion.
        var timeline = ballot.LastLeader is { } last && last.Node == _node.Self.Name ? Math.Max(last.Timeline, status.Timeline) : status.Timeline;
        return await _node.Seat.TakeAsync(
            ballot.LeaderEntry, timeline, status.Lsn, ballot.Unchanged,
            [.. Identify(ballot.Cluster, status), .. policy is null ? (IReadOnlyList<StoreOperation>)[] : [new StoreOperation.Put(StoreKeys.Synchronous, policy.ToJson())]],
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What makes the cluster the database system that its leader serves, where nobody has said yet which one it is.</summary>
    public IReadOnlyList<StoreOperation> Identify(ClusterIdentity? known, PostgresStatus status) => known is null && status.SystemIdentifier is { } system
        ? [new StoreOperation.Put(StoreKeys.Cluster, new ClusterIdentity(system, _node.Config.Name, _node.Time.GetUtcNow(), $"agent of {_node.Self.Name}").ToJson())]
        : [];

    /// <summary>This node leads and its server is gone: somebody else takes over at once, or the server comes back in place. Clients wait meanwhile.</summary>
    public async Task RecoverAsync(NodeSituation situation, CancellationToken cancellationToken)
    {
        if (!_node.Seat.IsHeld && !await LeadAsync(situation.Server, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        BeginPauseUnlessBegun();
        var policy = SynchronousPolicyRecord.FromJson((await _node.Store.GetAsync(StoreKeys.Synchronous, cancellationToken).ConfigureAwait(false))?.Value);
        if (CrashRule.HandsOver(_node.Config, _node.Self, policy, _lastAsPrimary))
        {
            await HandOverAsync(situation.Server, cancellationToken).ConfigureAwait(false);
            return;
        }

        await StartAsLeaderAsync(cancellationToken).ConfigureAwait(false);
        await EndPauseAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// The same right after a crash, by what the look before it has found: clients wait, and the store has nothing new to say to a leader that holds its lease. False when it
    /// takes a look to decide; nothing has been done then.
    /// </summary>
    public async Task<bool> HandOverAtOnceAsync(PostgresStatus status, CancellationToken cancellationToken)
    {
        var isClear = status is { Role: NodeRole.Primary, State: NodeState.Crashed } && _lastAsPrimary is not null && !_node.StoppedByAgent
            && _node.Seat is { IsHeld: true, Enforced: true } && CrashRule.HandsOver(_node.Config, _node.Self, _lastPolicy, _lastAsPrimary);
        if (isClear)
        {
            BeginPauseUnlessBegun();
            await HandOverAsync(status, cancellationToken).ConfigureAwait(false);
        }

        return isClear;
    }

    /// <summary>As a rule the end of the postmaster has been seen before the look that finds it gone, and the pause begun then.</summary>
    private void BeginPauseUnlessBegun()
    {
        if (_pause is null)
        {
            BeginPause(_node.Seat.Term!);
        }
    }

    private async Task HandOverAsync(PostgresStatus status, CancellationToken cancellationToken)
    {
        // Backends outlive their postmaster for a moment, and may commit in it.
        await _node.Server.KillAsync(cancellationToken).ConfigureAwait(false);
        _node.LeaderlessSince = _node.Time.GetTimestamp();
        await _node.Seat.ReleaseAsync($"PostgreSQL ended: {status.Evidence}", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Starts the server as the primary it was, within the budget for that; steps down when it does not come back, and returns why. Null when it has come back.
    /// </summary>
    public async Task<string?> StartAsLeaderAsync(CancellationToken cancellationToken)
    {
        NodeLog.StartingServer(_node.Logger, NodeRole.Primary);
        using var budget = new CancellationTokenSource(_node.Config.Failover.RestartTimeout, _node.Time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, budget.Token, _node.Seat.Token);
        try
        {
            await _node.Server.StartAsync(linked.Token).ConfigureAwait(false);
            _node.StoppedByAgent = false;
            _node.Wake();
            return null;
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            await StepDownAsync($"PostgreSQL did not come back in place: {e.Message}").ConfigureAwait(false);
            return e.Message;
        }
    }

    /// <summary>Starts the server that this agent has stopped for a restart; it leads all the while. Returns as <see cref="StartAsLeaderAsync"/>.</summary>
    public Task<string?> ComeBackAsync()
    {
        // Its standbys need a while to find it again: commits wait for them as for those of a new leader.
        _synchronous.ExpectStandbys();
        return StartAsLeaderAsync(CancellationToken.None);
    }

    /// <summary>Lets clients wait for whoever leads after this term.</summary>
    public TakeoverPause BeginPause(string term)
    {
        var pause = new TakeoverPause(_node.Contacts, _node.Config, _node.Time, term, $"agent of {_node.Self.Name}");
        pause.Begin();
        return _pause = pause;
    }

    /// <summary>Forgets a pause of this node's: the takeover that is under way has its own, of the same id.</summary>
    public void LeavePause() => _pause = null;

    /// <summary>Lets them go on: the server has come back in place.</summary>
    public async Task EndPauseAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _pause, null) is { } pause)
        {
            await pause.EndAsync(null, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Stops the server because this node must not lead: politely within the budget, else by killing it; then gives the leadership back.</summary>
    /// <param name="why">What others are told.</param>
    /// <param name="term">The term that ends; a later one, taken meanwhile, is left alone. Null for whatever term there is.</param>
    public async Task StepDownAsync(string why, string? term = null)
    {
        NodeLog.SteppingDown(_node.Logger, why);
        _node.StoppedByAgent = true;
        using var budget = new CancellationTokenSource(new LeaderTiming(_node.Config.Leader.Ttl).StopBudget, _node.Time);
        try
        {
            await _node.Server.StopAsync(ShutdownMode.Fast, budget.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException)
        {
            await _node.Server.KillAsync(CancellationToken.None).ConfigureAwait(false);
        }

        try
        {
            if (term is null || _node.Seat.Term == term)
            {
                await _node.Seat.ReleaseAsync(why, CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (PgClusterException e)
        {
            NodeLog.TurnFailed(_node.Logger, e.Reason, e.Message);
        }

        _node.Wake();
    }

    /// <summary>
    /// Publishes this node as the primary outside an operation. The decision must stand as it was read: a primary that is being replaced must not
    /// publish itself over its successor.
    /// </summary>
    public async Task PublishAsync(PostgresStatus status, CancellationToken cancellationToken)
    {
        var entry = await _node.Store.GetAsync(StoreKeys.Operation, cancellationToken).ConfigureAwait(false);
        var commit = await _node.Store.CommitAsync(
            [entry is null ? new StoreCondition.Absent(StoreKeys.Operation) : new StoreCondition.ModRevisionIs(StoreKeys.Operation, entry.ModRevision)],
            [
                new StoreOperation.Put(_node.Keys.Primary, _node.Address),
                new StoreOperation.Put(StoreKeys.Nodes + _node.Self.Name, _node.Describe(status).ToJson(), _node.Report.Lease),
            ],
            cancellationToken).ConfigureAwait(false);
        if (!commit.Succeeded)
        {
            throw new PgClusterException(Reason.PlanStale, "an operation was announced while the primary was being published; trying again");
        }

        NodeLog.Published(_node.Logger, _node.Address, commit.Revision);
    }

    /// <summary>What a leader says at each look: how far it has come, and the synchronous policies under which a commit may have been acknowledged.</summary>
    public async Task SpeakAsync(PostgresStatus status, CancellationToken cancellationToken)
    {
        _lastAsPrimary = status;
        var entry = await _node.Store.GetAsync(StoreKeys.Synchronous, cancellationToken).ConfigureAwait(false);
        var recorded = _lastPolicy = SynchronousPolicyRecord.FromJson(entry?.Value);
        var step = _synchronous.Look(status, recorded);
        StoreOperation[] operations = [.. step.Record is { } policy ? [new StoreOperation.Put(StoreKeys.Synchronous, policy.ToJson())] : Array.Empty<StoreOperation>(), .. Identify(_node.Cluster, status)];
        if (!await _node.Seat.SayAsync(status.Timeline, status.Lsn, operations, cancellationToken).ConfigureAwait(false)
            || await _synchronous.EnforceAsync(step, cancellationToken).ConfigureAwait(false))
        {
            _node.Wake();
        }
    }

    /// <summary>Stops this server, whose node is not well, so that another one leads; clients wait meanwhile.</summary>
    public Task StepAsideAsync()
    {
        _steppedAside = true;
        BeginPause(_node.Seat.Term!);
        return StepDownAsync("the observers agree that this node is not healthy");
    }

    /// <summary>True when the observers agree that this leader is not well, and another node is which may lead.</summary>
    public bool AnotherIsBetter()
    {
        var well = _node.IsHealthy(_node.Self.Name);
        _steppedAside &= well != true;

        // For as long as a node counts as healthy that was seen, the leader before is not gone yet: two leaders must not send each other away.
        return well == false && !_steppedAside && _node.Seat.HeldFor > _node.Config.Health.FailoverTimeout
            && _node.Config.Nodes.Any(n => n.Name != _node.Self.Name && !n.NoFailover && !_node.IsSuspended(n.Name) && _node.IsHealthy(n.Name) == true);
    }
}
