using Microsoft.Extensions.Logging;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Health;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Maintenance;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Roles;
using PgCluster.Engine.Store;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Synchronous;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Nodes;

/// <summary>
/// The agent of one node, manager native: watches its server and who leads, publishes the node's state and, as the leader, its
/// address, and does what <see cref="NodeDecider"/> says.
/// </summary>
public sealed class NodeSupervisor : INodeWatch, IAsyncDisposable
{
    // How long connections to a dead leader hang while a pooler cannot be paused; whoever starts the server by hand finds its port free after it.
    private static readonly TimeSpan HoldAtMost = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(50);

    private readonly NodeContext _node;
    private readonly NodeLeader _leader;
    private readonly NodeTakeover _takeover;
    private readonly NodeFailsafe _failsafe;
    private readonly NodeRejoin _rejoin;
    private readonly NodeSlots _slots;
    private readonly NodeAdvice _advice;
    private readonly NodeSuspicion _suspicion;
    private readonly RedirectSettler _redirects;
    private readonly RoleWatch _roleWatch;
    private readonly RoleKeeper _roles;
    private readonly CancellationTokenSource _stopping = new();

    // An agent before this one may have died between a new copy and the removal of the old one.
    private bool _cleanedUp;

    // Looked, and done what followed from it, at least once.
    private volatile bool _hasActed;
    private string? _said;

    // Read again whenever the watch says that there is something to read, or may have missed it.
    private volatile bool _membersDue = true;
    private Task _election = Task.CompletedTask;
    private Task _following = Task.CompletedTask;

    /// <summary>Makes the agent of node <paramref name="self"/>; it takes over neither the server's nor the store's disposal.</summary>
    /// <param name="self">The node.</param>
    /// <param name="membership">Its cluster, and whether that still has the nodes it had.</param>
    /// <param name="server">Its PostgreSQL.</param>
    /// <param name="store">Where the cluster agrees.</param>
    /// <param name="peers">The other agents, and the keepers.</param>
    /// <param name="consensus">What the observers agree on.</param>
    /// <param name="guard">What ends the server when this process cannot.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The log.</param>
    /// <param name="version">Version of the agent, for its report.</param>
    /// <param name="machine">Name of the machine it runs on, for its report.</param>
    /// <param name="hook">What is run after every round of the role loop; null for nothing.</param>
    /// <param name="memory">What it goes on from; null when it begins.</param>
    public NodeSupervisor(
        NodeConfig self, ClusterMembership membership, IPostgresServer server, IClusterStore store, IClusterPeers peers, HealthWatch consensus, ILeaderGuard guard,
        TimeProvider time, ILogger<NodeSupervisor> logger, string version, string machine, IRoleHook? hook = null, NodeMemory? memory = null)
    {
        ArgumentNullException.ThrowIfNull(membership);
        var config = membership.Config;
        _node = new NodeContext(self, membership, server, store, peers, consensus, guard, time, logger, version, machine);
        if (memory is not null)
        {
            _node.Memory = memory;
        }

        _roleWatch = new RoleWatch(store, config.Agent.KeyRetryInterval, time, logger);
        _roles = new RoleKeeper(_node, _roleWatch, hook);
        var synchronous = new SynchronousKeeper(self, config, server, store, _node.IsHealthy, _node.IsSuspended, _roleWatch.IsVoter, time, logger);
        _leader = new NodeLeader(_node, synchronous);
        _failsafe = new NodeFailsafe(_node);
        _takeover = new NodeTakeover(_node, _leader, _failsafe, synchronous);
        _rejoin = new NodeRejoin(_node);
        _slots = new NodeSlots(_node);
        _advice = new NodeAdvice(_node);
        _suspicion = new NodeSuspicion(_node.PostgresAnswersAsync, _takeover.BeginPause);
        Commands = new NodeCommands(_node, _leader, _takeover, _failsafe, _rejoin, _roles, _stopping.Token);

        // Until then a pause of the redirect's client may still be held.
        _redirects = new RedirectSettler(server, store, config.Failover.PauseExpiry, time, logger);
    }

    /// <summary>What this agent does for others.</summary>
    public NodeCommands Commands { get; }

    /// <summary>What the next one goes on from; final when this one has ended its work.</summary>
    public NodeMemory Memory => _node.Memory;

    /// <summary>The server as last probed; null before the first probe.</summary>
    public PostgresStatus? LastStatus => _node.Status;

    /// <summary>True while this node is out of service, as last read: nobody is to read from it.</summary>
    public bool IsSuspended => _node.IsSuspended(_node.Self.Name);

    /// <summary>True while the store answers: the node's lease is alive.</summary>
    public bool StoreReachable => _node.Report.IsAlive;

    /// <summary>A look at the server as a report of this node.</summary>
    public NodeReport Describe(PostgresStatus status) => _node.Describe(status);

    /// <summary>Works until <paramref name="cancellationToken"/> ends it; the server stays as it is then.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        var token = linked.Token;
        var watching = Task.WhenAll(
            WatchLeaderAsync(token), WatchAsync(_node.Keys.Primary, false, token), WatchAsync(StoreKeys.Cluster, false, token), WatchAsync(StoreKeys.Members, true, token),
            WatchBeatAsync(token), WatchProcessAsync(token), _node.Contacts.RunAsync(token), _roleWatch.RunAsync(token), _roles.RunAsync(token));
        try
        {
            while (!token.IsCancellationRequested)
            {
                var starting = _node.Starting;
                if (await TurnAsync(starting, token).ConfigureAwait(false))
                {
                    _hasActed = true;
                    _node.Starting &= !starting;
                }

                await _node.WaitAsync(UntilNextLook(), token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
        }

        await Task.WhenAll(watching, Commands.UntilSettledAsync(), _election, _following, _leader.SteppingDown).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>
    /// Returns when this agent has looked and acted at least once, and nothing that it has begun is unfinished: whoever takes its work over then loses nothing by it, the leadership included, which an agent
    /// takes up from the one before it.
    /// </summary>
    public async Task UntilAtRestAsync(CancellationToken cancellationToken)
    {
        while (!_hasActed || _node.StoppedFor is not null || !_election.IsCompleted || !_leader.SteppingDown.IsCompleted)
        {
            await Task.Delay(BetweenLooks, _node.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>See <see cref="LeaderSeat.AwaitRelief"/>; when <see cref="RunAsync"/> has ended, and before the next agent can begin.</summary>
    public void AwaitRelief() => _node.Seat.AwaitRelief();

    /// <summary>See <see cref="LeaderSeat.UntilRelievedAsync"/>.</summary>
    public Task UntilRelievedAsync() => _node.Seat.UntilRelievedAsync();

    /// <summary>Withdraws the node's report from the store. The server stays as it is, and for the rest of its lease a leader stays the leader.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(Commands.Deadman, _election, _following, _leader.SteppingDown).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _node.Seat.DisposeAsync().ConfigureAwait(false);
        await _node.Report.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
        _roles.Dispose();
        _node.Dispose();
    }

    private TimeSpan UntilNextLook()
    {
        var regular = _node is { Starting: true, FoundRunning: false } ? TimeSpan.FromMilliseconds(200) : _node.Config.Agent.ProbeInterval;
        return _node.NextSilence is { } next && next > TimeSpan.Zero && next < regular ? next : regular;
    }

    /// <summary>One look and what follows from it. Returns true when the look was complete: the store answered, and the cluster is under management.</summary>
    private async Task<bool> TurnAsync(bool starting, CancellationToken cancellationToken)
    {
        var asked = false;
        try
        {
            using var gate = await _node.EnterAsync(cancellationToken).ConfigureAwait(false);
            var status = await _node.Server.ProbeAsync(cancellationToken).ConfigureAwait(false);
            _node.Status = status;
            _node.FoundRunning ??= status.PostmasterPid != 0;

            // What was down before this agent came was stopped under nobody's eyes: it may come back later too, when there is a primary to follow.
            _node.StoppedByAgent |= starting && _node.FoundRunning == false && status.State is NodeState.Stopped or NodeState.Crashed;

            if (_node.StoppedFor is not null)
            {
                await _node.Report.PutAsync(_node.Describe(status), cancellationToken).ConfigureAwait(false);
                return true;
            }

            if (await _leader.HandOverAtOnceAsync(status, cancellationToken).ConfigureAwait(false))
            {
                _node.Wake();
                return true;
            }

            _node.StrandedSince = status.State != NodeState.NotStreaming ? 0 : _node.StrandedSince == 0 ? _node.Time.GetTimestamp() : _node.StrandedSince;
            var refresh = _node.Report.PutAsync(_node.Describe(status), cancellationToken);
            var look = SituationAsync(status, cancellationToken);
            await Task.WhenAll(refresh, look).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            asked = refresh.IsCompletedSuccessfully;
            await refresh.ConfigureAwait(false);
            var situation = await look.ConfigureAwait(false);
            _node.LeaderlessSince = situation.Leader is not null ? 0 : _node.LeaderlessSince == 0 ? _node.Time.GetTimestamp() : _node.LeaderlessSince;
            var action = NodeDecider.Decide(situation);
            if (action is not (NodeAction.Wait or NodeAction.LeaveAlone))
            {
                // Ahead of time: a takeover must not wait for a process to start.
                await _node.Guard.EnsureAsync(cancellationToken).ConfigureAwait(false);
            }

            await ActAsync(action, situation, cancellationToken).ConfigureAwait(false);
            return action != NodeAction.Wait;
        }
        catch (PgClusterException e) when (e.Reason == Reason.InvalidConfiguration)
        {
            Say(NodeLog.NotThisNode, e.Message);
            return false;
        }
        catch (PgClusterException e)
        {
            NodeLog.TurnFailed(_node.Logger, e.Reason, e.Message);
            if (starting && !asked)
            {
                await StartStandbyAsync(cancellationToken).ConfigureAwait(false);
            }

            return false;
        }
#pragma warning disable CA1031 // A defect in one look must not leave the node without an agent: the next look may do better.
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            NodeLog.Defect(_node.Logger, e);
            return false;
        }
    }

    /// <summary>A standby may serve reads while the store is away; a primary may not be started before the store says that it still is the one.</summary>
    private async Task StartStandbyAsync(CancellationToken cancellationToken)
    {
        if (_node is not { WaitsFor: null, Status: { State: NodeState.Stopped or NodeState.Crashed, Role: NodeRole.Standby } status } || _node.Cluster?.IsForeign(status.SystemIdentifier) == true)
        {
            return;
        }

        try
        {
            using var gate = await _node.EnterAsync(cancellationToken).ConfigureAwait(false);
            await _node.Server.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException e)
        {
            NodeLog.TurnFailed(_node.Logger, e.Reason, e.Message);
        }
    }

    private async Task ActAsync(NodeAction action, NodeSituation situation, CancellationToken cancellationToken)
    {
        switch (action)
        {
            case NodeAction.Start:
                NodeLog.StartingServer(_node.Logger, situation.Server.Role);
                await _node.Server.StartAsync(cancellationToken).ConfigureAwait(false);
                _node.StoppedByAgent = false;
                _node.Wake();
                break;
            case NodeAction.Lead:
                if (await _leader.LeadAsync(situation.Server, cancellationToken).ConfigureAwait(false))
                {
                    _node.Wake();
                }

                break;
            case NodeAction.LeadAgain:
                if (await _leader.LeadAsync(situation.Server, cancellationToken).ConfigureAwait(false))
                {
                    await _leader.StartAsLeaderAsync(cancellationToken).ConfigureAwait(false);
                    await _leader.EndPauseAsync(cancellationToken).ConfigureAwait(false);
                }

                break;
            case NodeAction.Recover:
                await _leader.RecoverAsync(situation, cancellationToken).ConfigureAwait(false);
                break;
            case NodeAction.HandOver:
                await _node.Seat.ReleaseAsync("PostgreSQL was stopped", cancellationToken).ConfigureAwait(false);
                break;
            case NodeAction.FinishTakeover:
                await _takeover.FinishAsync(situation, cancellationToken).ConfigureAwait(false);
                break;
            case NodeAction.Elect:
                if (_election.IsCompleted)
                {
                    _election = Task.Run(() => _takeover.ElectAsync(_stopping.Token), CancellationToken.None);
                }

                break;
            case NodeAction.Advise:
                await _advice.GiveAsync(situation, cancellationToken).ConfigureAwait(false);
                break;
            case NodeAction.Publish:
                await _leader.PublishAsync(situation.Server, cancellationToken).ConfigureAwait(false);
                break;
            case NodeAction.Follow:
                var upstream = _node.LeaderOf(situation);
                if (situation.Server.UpstreamAddress != NodeContext.TextOf(upstream) || (upstream.Slot is { } slot && slot != situation.Server.UpstreamSlot))
                {
                    await _node.Server.FollowAsync(upstream, cancellationToken).ConfigureAwait(false);
                }
                else if (!_cleanedUp)
                {
                    await _node.Server.CleanUpAfterRejoinAsync(cancellationToken).ConfigureAwait(false);
                    _cleanedUp = true;
                }

                break;
            case NodeAction.Rejoin:
                await _rejoin.RunAsync(situation, cancellationToken).ConfigureAwait(false);
                break;
            case NodeAction.Fence:
                NodeLog.Fencing(_node.Logger, situation.Leader?.Node ?? situation.LastLeader?.Node ?? situation.Decision!.Target);
                await _leader.StepDownAsync("another node leads").ConfigureAwait(false);
                break;
            case NodeAction.StepAside:
                await _leader.StepAsideAsync().ConfigureAwait(false);
                break;
            case NodeAction.Abandon:
                var abandoned = await DecisionLog.DecideAsync(
                    _node.Store, situation.Decision!.Id, DecisionState.Abandoned, 0, [], cancellationToken).ConfigureAwait(false);
                NodeLog.Settled(_node.Logger, abandoned.Id, abandoned.State, NodeAction.None);
                break;
            case NodeAction.LeaveAlone:
                Say(NodeLog.ForeignServer, _node.Describe(situation.Server).Postgres.Evidence);

                // Nor may the guard end it, and whoever is of this cluster can lead.
                await _node.Seat.ReleaseAsync("its server is of another cluster", cancellationToken).ConfigureAwait(false);
                break;
            case NodeAction.Wait:
                Say(NodeLog.Waiting, _node.WaitsFor!);
                break;
            case NodeAction.Settle:
                Commands.ArmDeadman(situation.Decision!.Id, _node.Config.Failover.PauseExpiry);
                break;
        }

        if (situation.Server is { Role: NodeRole.Primary, State: NodeState.Running } && situation.PublishedNode == _node.Self.Name && _node.Seat.IsHeld)
        {
            await _leader.SpeakAsync(situation.Server, cancellationToken).ConfigureAwait(false);
            await _redirects.TurnAsync(situation.Locked, cancellationToken).ConfigureAwait(false);
            await _slots.TurnAsync(situation.Server, null, cancellationToken).ConfigureAwait(false);
        }
        else if (action == NodeAction.Follow)
        {
            await _slots.TurnAsync(situation.Server, situation.LeaderSlots, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<NodeSituation> SituationAsync(PostgresStatus status, CancellationToken cancellationToken)
    {
        var leaderEntry = _node.Store.GetAsync(StoreKeys.Leader, cancellationToken);
        var publishedEntry = _node.Store.GetAsync(_node.Keys.Primary, cancellationToken);
        var decisionEntry = _node.Store.GetAsync(StoreKeys.Operation, cancellationToken);
        var lastEntry = _node.Store.GetAsync(StoreKeys.LastLeader, cancellationToken);
        var beatEntry = _node.Store.GetAsync(StoreKeys.LeaderBeat, cancellationToken);
        var suspendedEntry = _node.Store.GetAsync(StoreKeys.Suspended, cancellationToken);
        var held = _node.Store.GetLockAsync(_node.Keys.Lock, cancellationToken);
        var suspendedNodes = NodeSuspensions.ReadAsync(_node.Store, cancellationToken);
        await Task.WhenAll(leaderEntry, publishedEntry, decisionEntry, lastEntry, beatEntry, suspendedEntry, held, suspendedNodes).ConfigureAwait(false);
        _node.SuspendedNodes = await suspendedNodes.ConfigureAwait(false);
        await RefuseOthersAsync(cancellationToken).ConfigureAwait(false);
        _node.WaitsFor = _node.Cluster is null && await lastEntry.ConfigureAwait(false) is null ? await WhyWaitAsync(cancellationToken).ConfigureAwait(false) : null;
        var suspended = await suspendedEntry.ConfigureAwait(false) is not null;
        _node.Seat.Enforced = CrashRule.AnotherMayTakeOver(_node.Config, _node.Self) && !suspended;

        var last = LastLeader.FromJson((await lastEntry.ConfigureAwait(false))?.Value);
        var leader = LeaderRecord.FromJson((await leaderEntry.ConfigureAwait(false))?.Value);
        _node.NextSilence = null;
        if (leader is not null && leader.Node != _node.Self.Name)
        {
            var beat = await beatEntry.ConfigureAwait(false);
            var (suspected, killed) = (_node.Silence.UntilSuspected(leader, last, beat), _node.Silence.UntilKilled(leader, last, beat));
            _suspicion.Look(leader, suspected, killed, _node.Config.Failover.Mode == FailoverMode.Automatic && !suspended && !_failsafe.IsPromised);
            _node.NextSilence = suspected > TimeSpan.Zero ? suspected : killed;
            leader = killed == TimeSpan.Zero ? null : leader;
        }

        var report = leader is not null && leader.Node != _node.Self.Name ? await _node.ReportOfAsync(leader.Node, cancellationToken).ConfigureAwait(false) : null;
        _node.LastSaidByLeader = report ?? _node.LastSaidByLeader;
        _failsafe.Saw(leader);
        var published = await publishedEntry.ConfigureAwait(false);
        return new NodeSituation(_node.Self.Name, status)
        {
            Cluster = _node.Cluster,
            MayBegin = _node.WaitsFor is null,
            Leader = leader,
            HoldsSeat = _node.Seat.IsHeld,
            LeaderIsPrimary = report?.Postgres is { Role: NodeRole.Primary, State: NodeState.Running },
            LeaderStreams = report?.Postgres.State is NodeState.Running or NodeState.NotStreaming,
            LeaderSlots = report?.Postgres.Slots ?? [],
            LastLeader = last,
            PublishedNode = published is not null && PrimaryAddress.TryParse(published.Value, out var address)
                ? _node.Config.Nodes.FirstOrDefault(n => n.Host == address.Host && n.Port == address.Port)?.Name
                : null,
            Decision = OperationDecision.FromJson((await decisionEntry.ConfigureAwait(false))?.Value),
            Locked = await held.ConfigureAwait(false) is not null,
            Starting = _node.Starting,
            StoppedByAgent = _node.StoppedByAgent,
            Stranded = _node.StrandedSince != 0 && _node.Time.GetElapsedTime(_node.StrandedSince) > _node.Config.Failover.FollowTimeout / 3,
            OthersHadTheirChance = _node.LeaderlessSince != 0 && _node.Time.GetElapsedTime(_node.LeaderlessSince) > CrashRule.ChanceForOthers(_node.Config),
            AnotherIsBetter = _leader.AnotherIsBetter(),
            Promised = _failsafe.IsPromised,
            Mode = _node.Config.Failover.Mode,
            Suspended = suspended,
        };
    }

    /// <summary>Reads which cluster this is, which never changes, and whether its nodes still are those this agent began with.</summary>
    private async Task RefuseOthersAsync(CancellationToken cancellationToken)
    {
        _node.Cluster ??= ClusterIdentity.FromJson((await _node.Store.GetAsync(StoreKeys.Cluster, cancellationToken).ConfigureAwait(false))?.Value);
        if (!_membersDue)
        {
            return;
        }

        _membersDue = false;
        try
        {
            if (!_node.IsCurrent(await Members.ReadAsync(_node.Store, cancellationToken).ConfigureAwait(false)))
            {
                throw new PgClusterException(Reason.PlanStale, "the cluster's nodes have changed: this agent begins anew with those it has now");
            }
        }
        catch
        {
            _membersDue = true;
            throw;
        }
    }

    private async Task<string?> WhyWaitAsync(CancellationToken cancellationToken)
    {
        var reports = (await _node.Store.ListAsync(StoreKeys.Nodes, cancellationToken).ConfigureAwait(false)).Entries.Select(e => NodeReport.FromJson(e.Value)).OfType<NodeReport>();
        return FirstStartRule.WhyWait(_node.Config, [.. reports]);
    }

    /// <summary>Logs something once, until it is something else.</summary>
    private void Say(Action<ILogger, string> log, string what)
    {
        if (_said != what)
        {
            _said = what;
            log(_node.Logger, what);
        }
    }

    /// <summary>Looks again whenever a key has changed.</summary>
    private Task WatchAsync(string key, bool isPrefix, CancellationToken cancellationToken) => WatchAsync(
        key, isPrefix,
        _ =>
        {
            _membersDue |= isPrefix;
            _node.Wake();
        },
        cancellationToken);

    /// <summary>Looks again whenever the leader has changed, and follows it before that where commits may be waiting for this standby.</summary>
    private Task WatchLeaderAsync(CancellationToken cancellationToken) => WatchAsync(
        StoreKeys.Leader, false,
        seen =>
        {
            if (seen is StoreEvent.Put)
            {
                _following = Task.WhenAll(_following, _takeover.FollowAtOnceAsync(cancellationToken));
            }

            _node.Wake();
        },
        cancellationToken);

    /// <summary>Hears the leader's beats as they come: a look hears them late.</summary>
    private Task WatchBeatAsync(CancellationToken cancellationToken) => WatchAsync(
        StoreKeys.LeaderBeat, false,
        seen =>
        {
            if (seen is StoreEvent.Put beat)
            {
                _node.Silence.Heard(beat.Revision);
            }
        },
        cancellationToken);

    /// <summary>Tells of everything a watch sees, and with null that it has begun: what was before it may have been missed.</summary>
    private async Task WatchAsync(string key, bool isPrefix, Action<StoreEvent?> seen, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var watch = await _node.Store.WatchAsync(key, isPrefix, fromRevision: 0, cancellationToken).ConfigureAwait(false);
                await using (watch.ConfigureAwait(false))
                {
                    seen(null);
                    await foreach (var change in watch.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                    {
                        seen(change);
                    }
                }
            }
            catch (PgClusterException e)
            {
                NodeLog.TurnFailed(_node.Logger, e.Reason, e.Message);
                await Task.Delay(_node.Config.Agent.KeyRetryInterval, _node.Time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task WatchProcessAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            if (_node.Status is { PostmasterPid: > 0 and var postmaster })
            {
                // In this order: what is waited for is never newer than what is held.
                var exit = _node.Server.WaitForExitAsync(cancellationToken);
                using var listeners = _node.Server.HoldListeners();
                await exit.ConfigureAwait(false);

                // Before anything is looked at: each moment until clients wait, one more of them fails.
                var pause = _node.Seat is { IsHeld: true, Term: { } term } && _node.StoppedFor is null && !_node.StoppedByAgent && _node.EndsOnCommand != postmaster
                    ? _leader.BeginPause(term)
                    : null;
                _node.Wake();
                if (pause is not null)
                {
                    // A pooler that is refused before its pause is there refuses its clients in turn. Nobody waits for the end of any other server.
                    await pause.StandsAsync().WaitAsync(HoldAtMost, _node.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }

            await Task.Delay(_node.Config.Agent.ProbeInterval, _node.Time, cancellationToken).ConfigureAwait(false);
        }
    }
}
