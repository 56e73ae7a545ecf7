using System.Globalization;
using PgCluster.Engine.Election;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Engine.Synchronous;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Nodes;

/// <summary>How a standby becomes the leader: elected, or by a planned failover.</summary>
internal sealed class NodeTakeover
{
    private static readonly TimeSpan BetweenElections = TimeSpan.FromMilliseconds(500);

    // Replay goes on after the vote, and a promotion waits for its end.
    private static readonly TimeSpan SealBudget = TimeSpan.Zero;

    private readonly NodeContext _node;
    private readonly NodeLeader _leader;
    private readonly NodeFailsafe _failsafe;
    private readonly SynchronousKeeper _synchronous;

    // The term of the leader that was there, silent, when this node voted: its key may stay for a while.
    private string? _votedAgainst;

    public NodeTakeover(NodeContext node, NodeLeader leader, NodeFailsafe failsafe, SynchronousKeeper synchronous)
    {
        _node = node;
        _leader = leader;
        _failsafe = failsafe;
        _synchronous = synchronous;
    }

    /// <summary>Holds one election. When this node wins, it takes over; when another one does, that one takes over and this one follows it.</summary>
    public async Task ElectAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (ElectionTurn.WaitOf(_node.Self.Name, _node.LastSaidByLeader?.Postgres) is { Ticks: > 0 } wait)
            {
                await Task.Delay(wait, _node.Time, cancellationToken).ConfigureAwait(false);
            }

            var began = _node.Time.GetUtcNow();
            var clock = _node.Time.GetTimestamp();
            var ballot = await ElectionBallot.ReadAsync(_node.Store, cancellationToken).ConfigureAwait(false);
            if (ballot.IsSuspended || ballot.LastLeader is not { } lost
                || (ballot.Leader is { } silent && _node.Silence.UntilKilled(silent, lost, ballot.Beat) != TimeSpan.Zero))
            {
                return;
            }

            var verdict = await ballot.VoteAsync(
                _node.Config, (node, token) => node.Name == _node.Self.Name ? VoteAsync(token) : _node.Peers.Node(node.Name).VoteAsync(token), null, _node.IsHealthy, _node.Time, cancellationToken).ConfigureAwait(false);
            if (verdict.Winner != _node.Self.Name)
            {
                NodeLog.Election(_node.Logger, verdict.Winner ?? "nobody", verdict.Evidence, string.Join("; ", verdict.Candidates.Select(c => $"{c.Node} {string.Join(", ", c.Reasons)}")));

                // The winner needs a moment, and asking again and again would only cost it time.
                await Task.Delay(BetweenElections, _node.Time, cancellationToken).ConfigureAwait(false);
                return;
            }

            var takeover = new Takeover(_node.Store, _node.Contacts, _node.Config, _node.Time, _node.Self, began, clock);
            if (await takeover.RunAsync(ballot, TakeAndPromoteAsync, cancellationToken).ConfigureAwait(false) is { } report)
            {
                NodeLog.TakenOver(_node.Logger, lost.Node, lost.Left ?? "its lease ended", report.DurationSeconds * 1000);
            }
        }
        catch (PgClusterException e)
        {
            NodeLog.TurnFailed(_node.Logger, e.Reason, e.Message);
        }
        catch (OperationCanceledException)
        {
            // The agent ends, or the leadership ended while it was being taken.
        }
        finally
        {
            _node.Wake();
        }

        async Task<Promotion?> TakeAndPromoteAsync(ElectionBallot ballot, OperationDecision decided)
        {
            var leader = ballot.LeaderEntry;
            if (ballot.Leader is { } silent && _node.Silence.UntilOver(silent, ballot.LastLeader, ballot.Beat) is { } left)
            {
                await Task.Delay(left, _node.Time, cancellationToken).ConfigureAwait(false);

                // The store may have ended its lease meanwhile: its key is gone then, which is as good.
                leader = await _node.Store.GetAsync(StoreKeys.Leader, cancellationToken).ConfigureAwait(false) is null ? null : leader;
            }

            using var gate = await _node.EnterAsync(cancellationToken).ConfigureAwait(false);
            var before = await _node.Server.ProbeAsync(cancellationToken).ConfigureAwait(false);
            return before is { Role: NodeRole.Standby, State: NodeState.Running or NodeState.NotStreaming }
                && await TakeOverAsync(ballot, leader, decided with { Timeline = before.Timeline + 1 }, before, [ballot.StillSilent], cancellationToken).ConfigureAwait(false)
                ? await PromoteAndPublishAsync(decided, before).ConfigureAwait(false)
                : null;
        }
    }

    /// <summary>Lets clients wait for whoever takes over from a leader that is suspected; what is returned lets them go on, where nobody does.</summary>
    public Func<Task> BeginPause(LeaderRecord leader)
    {
        NodeLog.Suspected(_node.Logger, leader.Node);
        var pause = new TakeoverPause(_node.Contacts, _node.Config, _node.Time, leader.Term, $"agent of {_node.Self.Name}");
        pause.Begin();
        return () => pause.EndAsync(null, CancellationToken.None);
    }

    /// <summary>See <see cref="INodeAgent.VoteAsync"/>.</summary>
    public async Task<NodeReport> VoteAsync(CancellationToken cancellationToken)
    {
        using var gate = await _node.EnterAsync(cancellationToken).ConfigureAwait(false);
        var probe = _node.Server.ProbeAsync(cancellationToken);
        var read = _node.Store.GetAsync(StoreKeys.Leader, cancellationToken);
        await Task.WhenAll(probe, read).ConfigureAwait(false);
        var leader = await read.ConfigureAwait(false);
        if (leader is not null && !await HasBeenKilledAsync(LeaderRecord.FromJson(leader.Value), cancellationToken).ConfigureAwait(false))
        {
            throw new PgClusterException(Reason.PlanStale, $"there is a leader: {LeaderRecord.FromJson(leader.Value)?.Node}") { Target = _node.Self.Name };
        }

        _failsafe.BeginVote();
        _votedAgainst = LeaderRecord.FromJson(leader?.Value)?.Term;
        var status = await probe.ConfigureAwait(false);
        _node.RefuseUnlessOurs(status);
        if (status is { Role: NodeRole.Standby, State: NodeState.Running or NodeState.NotStreaming })
        {
            await _node.Server.SealAsync(SealBudget, cancellationToken).ConfigureAwait(false);
            status = await _node.Server.ProbeAsync(cancellationToken).ConfigureAwait(false);
        }

        _node.Status = status;
        return _node.Describe(status);
    }

    /// <summary>
    /// Follows a new leader without a look first, where this standby streams from nobody since its vote: commits may wait for it from the promotion on, and a look takes longer than a promotion. The look
    /// that comes next sees to the rest.
    /// </summary>
    public async Task FollowAtOnceAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var gate = await _node.EnterAsync(cancellationToken).ConfigureAwait(false);
            if (_node.Status is not { Role: NodeRole.Standby, State: NodeState.NotStreaming } status)
            {
                return;
            }

            // Read here, and not taken from what was told: the news of a leader that was voted against since may come late.
            var entry = await _node.Store.GetAsync(StoreKeys.Leader, cancellationToken).ConfigureAwait(false);
            if (LeaderRecord.FromJson(entry?.Value) is { } leader && leader.Node != _node.Self.Name && leader.Term != _votedAgainst)
            {
                _node.RefuseUnlessOurs(status);
                await _node.Server.FollowAsync(_node.UpstreamOf(leader.Node), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (PgClusterException e)
        {
            NodeLog.TurnFailed(_node.Logger, e.Reason, e.Message);
        }
        catch (OperationCanceledException)
        {
            // The agent ends.
        }
    }

    /// <summary>True when a leader has been silent for so long that its server is not running any more.</summary>
    private async Task<bool> HasBeenKilledAsync(LeaderRecord? leader, CancellationToken cancellationToken)
    {
        var last = _node.Store.GetAsync(StoreKeys.LastLeader, cancellationToken);
        var beat = _node.Store.GetAsync(StoreKeys.LeaderBeat, cancellationToken);
        await Task.WhenAll(last, beat).ConfigureAwait(false);
        return leader is not null
            && _node.Silence.UntilKilled(leader, LastLeader.FromJson((await last.ConfigureAwait(false))?.Value), await beat.ConfigureAwait(false)) == TimeSpan.Zero;
    }

    /// <summary>The key names this node, and its server is a standby still: an agent before this one took over and did not live to promote it.</summary>
    public async Task FinishAsync(NodeSituation situation, CancellationToken cancellationToken)
    {
        var decided = situation.Decision is { State: DecisionState.Promoted } decision && decision.Target == _node.Self.Name
            ? decision
            : new OperationDecision(Guid.CreateVersion7(_node.Time.GetUtcNow()).ToString("n"), DecisionState.Promoted, situation.LastLeader?.Node, _node.Self.Name);
        if (_node.Seat.IsHeld || await _leader.LeadAsync(situation.Server with { Timeline = situation.Server.Timeline + 1 }, cancellationToken).ConfigureAwait(false))
        {
            await PromoteAndPublishAsync(decided, situation.Server).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Decides a running operation for this node and takes the leadership, in one transaction: from here on nothing but this server's own failure keeps it from
    /// becoming the primary, also when the caller is gone.
    /// </summary>
    public async Task<OperationDecision> DecideForSelfAsync(OperationToken operation, PostgresStatus before, CancellationToken cancellationToken)
    {
        var ballot = await ElectionBallot.ReadAsync(_node.Store, cancellationToken).ConfigureAwait(false);
        if (ballot.Operation is not { } running || running.Id != operation.Id)
        {
            throw new PgClusterException(Reason.PlanStale, $"operation {operation.Id} is no longer the cluster's current one") { Target = _node.Self.Name };
        }

        if (running.State == DecisionState.Promoted && running.Target == _node.Self.Name && _node.Seat.IsHeld)
        {
            return running;
        }

        if (running.State != DecisionState.Running || running.Target != _node.Self.Name)
        {
            throw new PgClusterException(Reason.PlanStale, $"operation {operation.Id} was {running.State} for {running.Target}") { Target = _node.Self.Name };
        }

        // A leader that did not stop for this operation may be writing.
        if (ballot.Leader is { } leader && leader.Node != _node.Self.Name && leader.YieldsTo != operation.Id)
        {
            throw new PgClusterException(
                Reason.PlanStale,
                string.Create(CultureInfo.InvariantCulture, $"{leader.Node} still leads; its lease ends {_node.Config.Leader.Ttl.TotalSeconds:0.###} s after its agent's last word")) { Target = leader.Node };
        }

        var decided = running with { State = DecisionState.Promoted, Timeline = before.Timeline + 1 };
        return await TakeOverAsync(
            ballot, ballot.LeaderEntry, decided, before, [new StoreCondition.CreateRevisionIs(operation.LockKey, operation.LockRevision)], cancellationToken).ConfigureAwait(false)
            ? decided
            : throw new PgClusterException(Reason.LockLost, $"operation {operation.Id} may not be decided by this caller any more: the lock is not its own");
    }

    /// <summary>Takes the leadership for a server that is going to be promoted.</summary>
    private async Task<bool> TakeOverAsync(
        ElectionBallot ballot, StoreEntry? leader, OperationDecision decided, PostgresStatus before, IReadOnlyList<StoreCondition> conditions, CancellationToken cancellationToken)
    {
        // A commit may be found under the old policy or the new one until the standbys of the new one have been seen to have everything.
        var own = await _synchronous.PrepareAsync(before, ballot, cancellationToken).ConfigureAwait(false);
        var policy = own.Of(_node.Self.Name, decided.Timeline).Before(ballot.Synchronous ?? SynchronousPolicyRecord.Parse(ballot.LastLeader?.Node ?? "", 0, ""));
        return await _node.Seat.TakeAsync(
            leader, decided.Timeline, before.Lsn,
            [.. ballot.Unchanged, .. conditions],
            [new StoreOperation.Put(StoreKeys.Operation, decided.ToJson()), new StoreOperation.Put(StoreKeys.Synchronous, policy.ToJson()), .. _leader.Identify(ballot.Cluster, before)],
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Promotes the server and publishes it; only as the leader.</summary>
    public async Task<Promotion> PromoteAndPublishAsync(OperationDecision decided, PostgresStatus before)
    {
        var began = _node.Time.GetTimestamp();
        int timeline;
        try
        {
            timeline = await _node.Server.PromoteAsync(_node.Seat.Token).ConfigureAwait(false);
        }
        catch (PgClusterException e)
        {
            // Half promoted is as good as promoted: it must not run when somebody else leads.
            await _leader.StepDownAsync($"it could not be promoted: {e.Message}").ConfigureAwait(false);
            throw;
        }

        var promoted = _node.Time.GetElapsedTime(began);

        // One write and no look first: clients wait for it. Its report goes with it, so that standbys which see the key find the node to be a primary.
        var now = _node.Status = before with { Role = NodeRole.Primary, State = NodeState.Running, Timeline = timeline, ReplayLsn = null, UpstreamAddress = null };
        _leader.LeavePause();
        var published = await _node.Store.CommitAsync(
            [],
            [
                new StoreOperation.Put(_node.Keys.Primary, _node.Address),
                new StoreOperation.Put(StoreKeys.Nodes + _node.Self.Name, _node.Describe(now).ToJson(), _node.Report.Lease),
                new StoreOperation.Put(StoreKeys.Operation, (decided with { Timeline = timeline }).ToJson()),
            ],
            CancellationToken.None).ConfigureAwait(false);
        NodeLog.Published(_node.Logger, _node.Address, published.Revision);
        NodeLog.Promoted(_node.Logger, decided.Id, timeline, promoted.TotalMilliseconds);
        _node.Wake();
        return new Promotion(timeline, _node.Address, published.Revision, promoted.TotalMilliseconds, (_node.Time.GetElapsedTime(began) - promoted).TotalMilliseconds);
    }
}
