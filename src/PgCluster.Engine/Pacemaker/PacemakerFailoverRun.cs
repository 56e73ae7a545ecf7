using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pacemaker;

/// <summary>One run of a plan where Pacemaker moves the primary: it is asked, and waited for. Whatever becomes of it, the constraint goes.</summary>
internal sealed class PacemakerFailoverRun : IFailoverRun
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(200);

    private readonly IClusterPeers _peers;
    private readonly ClusterObserver _observer;
    private readonly ClusterConfig _config;
    private readonly TimeProvider _time;
    private readonly OperationPlan _plan;
    private readonly FailoverFrame _frame;
    private bool _asked;

    public PacemakerFailoverRun(
        IClusterStore store, IClusterPeers peers, ClusterObserver observer, ClusterConfig config, TimeProvider time, OperationPlan plan, FailoverRequest request)
    {
        _peers = peers;
        _observer = observer;
        _config = config;
        _time = time;
        _plan = plan;
        _frame = new FailoverFrame(store, peers, config, time, plan, request);
    }

    /// <inheritdoc/>
    public Promotion? Promotion { get; private set; }

    /// <inheritdoc/>
    public PostgresShutdown? Shutdown => null;

    private NodeConfig Target => _frame.Target;

    /// <inheritdoc/>
    public IReadOnlyList<OperationStep> Steps() => [.. _plan.Steps.Select(step => _frame.Step(step) ?? step.Name switch
    {
        FailoverSteps.Lock => new OperationStep(step, _frame.LockAsync) { FinallyAsync = _frame.UnlockAsync },
        FailoverSteps.Recheck => new OperationStep(step, _frame.Guarded(RecheckAsync)),
        FailoverSteps.Move => new OperationStep(step, _frame.Guarded(MoveAsync)) { UndoAsync = UndoMoveAsync, FinallyAsync = ClearAsync },
        FailoverSteps.Promote => new OperationStep(step, _frame.Guarded(PromoteAsync)),
        FailoverSteps.Clear => new OperationStep(step, ClearAsync),
        FailoverSteps.Settle => new OperationStep(step, ct => SettleAsync(FailoverFrame.Names(step), ct)),
        _ => throw FailoverSteps.Unknown(step),
    })];

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _frame.DisposeAsync();

    private async Task<string> RecheckAsync(CancellationToken cancellationToken)
    {
        await _frame.RecheckAsync(cancellationToken).ConfigureAwait(false);
        PacemakerReport? seen = null;
        try
        {
            while (true)
            {
                var nodes = await _observer.ObserveNodesAsync(cancellationToken).ConfigureAwait(false);
                var target = Of(nodes, Target.Name);
                RefuseChanged(Of(nodes, _plan.From!), target);

                // Where the target's agent does not say what Pacemaker has, any other does: nobody else is asked for the move either.
                seen = target.IsPgcm ? nodes.Select(n => n.Pacemaker).FirstOrDefault(p => p is { Error: null }) : target.Pacemaker;
                if (seen is { Error: null } && seen.Primary == _plan.From && seen.Synchronous == Target.Name)
                {
                    return string.Create(CultureInfo.InvariantCulture, $"revision {_plan.Revision}, {Target.Name} is the synchronous standby and has replayed {target.Postgres?.ReplayLsn?.ToString() ?? "what its agent does not say"}");
                }

                if (seen is not { Error: null, Synchronous: null } || seen.Primary != _plan.From)
                {
                    throw Stale(seen, null);
                }

                // Its resource agent names nobody while it takes note of a standby that has come or gone.
                await Task.Delay(BetweenLooks, _time, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException e) when (seen is not null)
        {
            throw Stale(seen, e);
        }
    }

    private static void RefuseChanged(NodeObservation primary, NodeObservation target)
    {
        if (new[] { primary, target }.FirstOrDefault(n => !n.Answers) is { } silent)
        {
            throw new PgClusterException(Reason.AgentUnreachable, $"the agent of {silent.Name} does not answer: {silent.Node.Evidence}") { Target = silent.Name };
        }

        if (!primary.IsRunningPrimary)
        {
            throw new PgClusterException(Reason.PlanStale, $"{primary.Name} is {primary.Node.Role} and {primary.Node.State} now") { Target = primary.Name };
        }
    }

    private PgClusterException Stale(PacemakerReport? seen, Exception? inner) => new(
        Reason.PlanStale, $"Pacemaker has {seen?.Primary ?? "nobody"} as the primary and {seen?.Synchronous ?? "nobody"} as its synchronous standby now{(seen?.Error is { } error ? $": {error}" : "")}", inner) { Target = Target.Name };

    private async Task<string> MoveAsync(CancellationToken cancellationToken)
    {
        _asked = true;
        await _peers.AnyAsync(_config, Target.Name, agent => agent.MoveAsync(_frame.Token, Target.Name, cancellationToken)).ConfigureAwait(false);
        return $"Pacemaker was asked to move the primary to {Target.Name}";
    }

    private async Task<string> PromoteAsync(CancellationToken cancellationToken)
    {
        try
        {
            Promotion = await _peers.AnyAsync(_config, Target.Name, agent => agent.WaitForPromotionAsync(_frame.Token, Target.Name, cancellationToken)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is PgClusterException or OperationCanceledException)
        {
            // Nothing of ours was decided: with the constraint gone Pacemaker chooses, and whoever it is will be waited for.
            throw new PgClusterException(Reason.PlanStale, $"Pacemaker did not make {Target.Name} the primary in time: {e.Message}", e) { Target = Target.Name };
        }

        return string.Create(CultureInfo.InvariantCulture, $"timeline {Promotion.Timeline}, writable after {Promotion.PromotedMs:0} ms, published after {Promotion.PublishedMs:0.0} ms more");
    }

    /// <summary>Until there is a primary that Pacemaker and the store agree on: the old one, or the target after all. The poolers are led to it before they are resumed.</summary>
    private async Task<string> UndoMoveAsync(CancellationToken cancellationToken)
    {
        var cleared = await ClearAsync(cancellationToken).ConfigureAwait(false);
        while (true)
        {
            var nodes = await _observer.ObserveNodesAsync(cancellationToken).ConfigureAwait(false);
            if (nodes.FirstOrDefault(n => n.IsRunningPrimary && (n.IsPgcm || n.Pacemaker?.Primary == n.Name)) is { Name: var name })
            {
                return $"{cleared}; {name} is the primary{(name == _plan.From ? " still" : "")}, and {await _frame.LeadToAsync(_config.Nodes.Single(n => n.Name == name), cancellationToken).ConfigureAwait(false)}";
            }

            await Task.Delay(BetweenLooks, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>By any agent: the one that asked may be gone.</summary>
    private async Task<string> ClearAsync(CancellationToken cancellationToken)
    {
        if (!_asked)
        {
            return "nothing was left";
        }

        PgClusterException? failure = null;
        foreach (var name in _config.Nodes.Select(n => n.Name).OrderByDescending(n => n == Target.Name))
        {
            try
            {
                await _peers.Pacemaker(name).ClearMoveAsync(cancellationToken).ConfigureAwait(false);
                _asked = false;
                return "the constraint was taken back";
            }
            catch (PgClusterException e)
            {
                failure ??= e;
            }
        }

        throw new PgClusterException(failure!.Reason, $"the constraint is left in Pacemaker until an agent that reaches it takes it back: {failure.Message}", failure) { Target = Target.Name };
    }

    private async Task<string> SettleAsync(string[] nodes, CancellationToken cancellationToken)
    {
        var left = nodes.ToList();
        var settled = "";
        if (!_config.Pacemaker.ClearLockFile)
        {
            left.Remove(_plan.From!);
            settled = $"; {_plan.From} is left down (pacemaker.clear_lock_file)";
        }
        else if (!left.Contains(_plan.From!))
        {
            settled = $"; {_plan.From} is left as Pacemaker has it";
        }
        else
        {
            settled = "; " + await BringBackAsync(_plan.From!, cancellationToken).ConfigureAwait(false);
        }

        var states = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            while (left.Count > 0)
            {
                foreach (var node in (await _observer.ObserveNodesAsync(cancellationToken).ConfigureAwait(false)).Where(n => left.Contains(n.Name)))
                {
                    states[node.Name] = node.Node.Evidence;
                    if (Streams(node))
                    {
                        left.Remove(node.Name);
                    }
                }

                await Task.Delay(BetweenLooks, _time, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException e)
        {
            throw new PgClusterException(
                Reason.StepTimeout, $"{string.Join("; ", left.Select(name => $"{name} does not stream from {Target.Name}: {states.GetValueOrDefault(name)}"))}", e) { Target = left[0] };
        }

        return $"{string.Join(", ", nodes.Where(states.ContainsKey))} stream from {Target.Name}{settled}";
    }

    private bool Streams(NodeObservation node)
    {
        if (node.Node is not { Role: NodeRole.Standby, State: NodeState.Running } || node.Node.Upstream != Target.Name || (!node.IsPgcm && node.Node.Timeline < Promotion!.Timeline))
        {
            return false;
        }

        return node.Name != _plan.From || node.Pacemaker?.Of(node.Name) is not { Failures.Count: > 0 };
    }

    /// <summary>It has to have stopped first, which Pacemaker sees to.</summary>
    private async Task<string> BringBackAsync(string name, CancellationToken cancellationToken)
    {
        while (await LookAsync(name, cancellationToken).ConfigureAwait(false) is { Postgres.PostmasterPid: not 0, Postgres.Role: NodeRole.Primary })
        {
            await Task.Delay(BetweenLooks, _time, cancellationToken).ConfigureAwait(false);
        }

        return await _peers.Pacemaker(name).SettleAsync(_frame.Token, new UpstreamAddress(Target.Name, Target.Host, Target.Port), cancellationToken).ConfigureAwait(false);
    }

    private static NodeObservation Of(IEnumerable<NodeObservation> nodes, string name) =>
        nodes.FirstOrDefault(n => n.Name == name) ?? throw new PgClusterException(Reason.NodeNotFound, $"no node is named {name}") { Target = name };

    private async Task<NodeReport?> LookAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return await _peers.Node(name).GetStatusAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException)
        {
            return null;
        }
    }
}
