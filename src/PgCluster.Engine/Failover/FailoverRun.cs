using System.Collections.Concurrent;
using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Maintenance;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Failover;

/// <summary>One run of a plan where the agents themselves move the primary: gives each of its steps what carries it out, and keeps what one step leaves for the next.</summary>
internal sealed class FailoverRun : IFailoverRun
{
    private readonly IClusterStore _store;
    private readonly IClusterPeers _peers;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;
    private readonly OperationPlan _plan;
    private readonly FailoverFrame _frame;

    public FailoverRun(
        IClusterStore store, IClusterPeers peers, ClusterConfig config, TimeProvider time, OperationPlan plan, FailoverRequest request)
    {
        _store = store;
        _peers = peers;
        _config = config;
        _time = time;
        _plan = plan;
        _frame = new FailoverFrame(store, peers, config, time, plan, request);
    }

    /// <inheritdoc/>
    public Promotion? Promotion { get; private set; }

    /// <inheritdoc/>
    public PostgresShutdown? Shutdown { get; private set; }

    private FailoverConfig Options => _config.Failover;

    private NodeConfig Target => _frame.Target;

    private OperationToken Token => _frame.Token;

    /// <inheritdoc/>
    public IReadOnlyList<OperationStep> Steps() => [.. _plan.Steps.Select(step => _frame.Step(step) ?? step.Name switch
    {
        FailoverSteps.Lock => new OperationStep(step, LockAsync) { FinallyAsync = UnlockAsync },
        FailoverSteps.Recheck => new OperationStep(step, _frame.Guarded(RecheckAsync)),
        FailoverSteps.Cascade => new OperationStep(step, _frame.Guarded(ct => CascadeAsync(FailoverFrame.Names(step), ct))) { UndoAsync = ct => FollowAsync(FailoverFrame.Names(step), _plan.From!, ct) },
        FailoverSteps.Stop => new OperationStep(step, _frame.Guarded(StopAsync)) { UndoAsync = RestartAsync },
        FailoverSteps.Prove => new OperationStep(step, _frame.Guarded(ProveAsync)),
        FailoverSteps.Promote => new OperationStep(step, _frame.Guarded(PromoteAsync)),
        FailoverSteps.Follow => new OperationStep(step, ct => FollowAsync(FailoverFrame.Names(step), Target.Name, ct)) { TriesAgain = true },
        _ => throw FailoverSteps.Unknown(step),
    })];

    public ValueTask DisposeAsync() => _frame.DisposeAsync();

    private async Task<string> LockAsync(CancellationToken cancellationToken)
    {
        var held = await _frame.LockAsync(cancellationToken).ConfigureAwait(false);
        var announced = await _store.CommitAsync(
            [new StoreCondition.CreateRevisionIs(Token.LockKey, Token.LockRevision)],
            [new StoreOperation.Put(StoreKeys.Operation, new OperationDecision(_plan.Id, DecisionState.Running, _plan.From, Target.Name).ToJson())],
            cancellationToken).ConfigureAwait(false);
        return announced.Succeeded ? held : throw new PgClusterException(Reason.LockLost, "the lock was gone before the operation could be announced");
    }

    private async Task<string> UnlockAsync(CancellationToken cancellationToken)
    {
        // A decision left at Running would let a forgotten agent wait for its expiry.
        if (_frame.WasLocked && Promotion is null)
        {
            await AbandonAsync(cancellationToken).ConfigureAwait(false);
        }

        return await _frame.UnlockAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<string> RecheckAsync(CancellationToken cancellationToken)
    {
        await _frame.RecheckAsync(cancellationToken).ConfigureAwait(false);
        var target = _peers.Node(Target.Name).GetStatusAsync(cancellationToken);
        if (!_plan.Forced)
        {
            await _frame.RecheckPrimaryAsync(cancellationToken).ConfigureAwait(false);
        }

        var server = (await target.ConfigureAwait(false)).Postgres;
        var ready = server.State == NodeState.Running || (_plan.Forced && server.State == NodeState.NotStreaming);
        return server.Role == NodeRole.Standby && ready
            ? string.Create(CultureInfo.InvariantCulture, $"revision {_plan.Revision}, {Target.Name} has replayed {server.ReplayLsn}")
            : throw new PgClusterException(Reason.PlanStale, $"{Target.Name} is {server.Role} and {server.State} now: {server.Evidence}") { Target = Target.Name };
    }

    private async Task<string> StopAsync(CancellationToken cancellationToken)
    {
        Shutdown = await _peers.Node(_plan.From!).StopPrimaryAsync(Token, Target.Name, _frame.PauseLeft, cancellationToken).ConfigureAwait(false);
        return Shutdown.Clean
            ? string.Create(CultureInfo.InvariantCulture, $"shutdown checkpoint at {Shutdown.CheckpointLsn}, timeline {Shutdown.Timeline}")
            : throw new PgClusterException(Reason.PostgresUnavailable, $"{_plan.From} did not shut down cleanly") { Target = _plan.From };
    }

    private async Task<string> RestartAsync(CancellationToken cancellationToken)
    {
        await _peers.Node(_plan.From!).RestartPrimaryAsync(Token, cancellationToken).ConfigureAwait(false);
        return $"{_plan.From} is the primary again";
    }

    private async Task<string> ProveAsync(CancellationToken cancellationToken)
    {
        var replayed = await _peers.Node(Target.Name).WaitForReplayAsync(Shutdown!.CheckpointLsn, cancellationToken).ConfigureAwait(false);
        return $"{Target.Name} has replayed {replayed}, past {Shutdown.CheckpointLsn}";
    }

    private async Task<string> PromoteAsync(CancellationToken cancellationToken)
    {
        try
        {
            Promotion = await _peers.Node(Target.Name).PromoteAsync(Token, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not PgClusterException { Reason: Reason.PlanStale or Reason.LockLost })
        {
            // Whether the agent decided before it went silent is not known. Deciding for the old primary settles it either way.
            using var budget = new CancellationTokenSource(Options.LockTimeout, _time);
            if (await AbandonAsync(budget.Token).ConfigureAwait(false))
            {
                throw new PgClusterException(Reason.PlanStale, $"{Target.Name} was not promoted, and the operation was abandoned: {e.Message}", e) { Target = Target.Name };
            }

            throw;
        }

        return string.Create(CultureInfo.InvariantCulture, $"timeline {Promotion.Timeline}, writable after {Promotion.PromotedMs:0} ms, published after {Promotion.PublishedMs:0.0} ms more");
    }

    /// <summary>Decides for the old primary. False when the target was decided for already.</summary>
    private async Task<bool> AbandonAsync(CancellationToken cancellationToken) =>
        (await DecisionLog.DecideAsync(_store, _plan.Id, DecisionState.Abandoned, 0, [], cancellationToken).ConfigureAwait(false)).State == DecisionState.Abandoned;

    private async Task<string> CascadeAsync(string[] nodes, CancellationToken cancellationToken)
    {
        // It only makes the gap shorter: a standby that cannot cascade soon follows after the promotion like any other.
        using var budget = new CancellationTokenSource(Options.FollowTimeout / 6, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        try
        {
            return await FollowAsync(nodes, Target.Name, linked.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return $"left as it was: {e.Message}; {await FollowAsync(nodes, _plan.From!, cancellationToken).ConfigureAwait(false)}";
        }
    }

    private async Task<string> FollowAsync(string[] nodes, string upstreamName, CancellationToken cancellationToken)
    {
        var node = _config.Nodes.First(n => n.Name == upstreamName);
        var upstream = new UpstreamAddress(node.Name, node.Host, node.Port);
        var left = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
        await AtOnce.EachAsync(nodes, async name =>
        {
            try
            {
                await _peers.Node(name).FollowAsync(Token, upstream, cancellationToken).ConfigureAwait(false);
            }
            catch (PgClusterException e) when (e.Reason == Reason.AgentUnreachable)
            {
                // Whoever took a node out of service may have switched it off since the plan was made.
                if (!(await NodeSuspensions.ReadAsync(_store, cancellationToken).ConfigureAwait(false)).TryGetValue(name, out var suspension))
                {
                    throw;
                }

                left[name] = $"; {name}, {suspension}, does not answer";
            }
        }).ConfigureAwait(false);
        return $"{(left.Count == nodes.Length ? "none" : string.Join(", ", nodes.Except(left.Keys)))} stream from {node.Name}{string.Concat(left.Values)}";
    }
}
