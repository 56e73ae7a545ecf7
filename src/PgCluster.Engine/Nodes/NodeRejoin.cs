using System.Globalization;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Engine.Nodes;

/// <summary>Brings a node's server back as a standby of the leader.</summary>
internal sealed class NodeRejoin
{
    private readonly NodeContext _node;

    public NodeRejoin(NodeContext node) => _node = node;

    /// <summary>Brings the server back as a standby of the leader: it follows, or what only it has is taken back, or it starts from a new copy.</summary>
    public async Task RunAsync(NodeSituation situation, CancellationToken cancellationToken)
    {
        var leader = _node.LeaderOf(situation);
        var rules = _node.Config.Rejoin;
        var plan = RejoinPolicy.Decide(
            await _node.Server.InspectAsync(leader, cancellationToken).ConfigureAwait(false),
            new RejoinOptions { AllowRewind = rules.Rewind, AllowClone = rules.BaseBackup, KeepCopy = rules.KeepCopy });
        _node.StrandedSince = 0;
        if (plan.Method == RejoinMethod.Impossible)
        {
            NodeLog.NeedsRepair(_node.Logger, leader.Name, plan.Why);
            return;
        }

        var began = (At: _node.Time.GetUtcNow(), Clock: _node.Time.GetTimestamp());
        var outcome = await BringBackAsync(plan, leader, rules.BaseBackup, situation.Server.Data != DataDirectoryState.Empty, cancellationToken).ConfigureAwait(false);
        if (outcome.Method != RejoinMethod.Follow)
        {
            await RecordRejoinAsync(plan, outcome.Method, leader, began, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>What <see cref="RejoinPolicy"/> decides by, and what a new copy would bring over where the upstream says so.</summary>
    public async Task<RejoinInspection> InspectAsync(UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        var situation = await _node.Server.InspectAsync(upstream, cancellationToken).ConfigureAwait(false);
        try
        {
            return new RejoinInspection(situation, await _node.Server.GetCopySizeAsync(upstream, cancellationToken).ConfigureAwait(false));
        }
        catch (PgClusterException)
        {
            // A number to go by, and nothing that is decided by it.
            return new RejoinInspection(situation, null);
        }
    }

    /// <summary>Does what was ordered and no more; see <see cref="INodeAgent.RejoinAsync"/>.</summary>
    public async Task<RejoinOutcome> RunAsync(UpstreamAddress upstream, RejoinOrder order, CancellationToken cancellationToken)
    {
        if (_node.Seat.IsHeld)
        {
            throw new PgClusterException(Reason.PlanStale, $"{_node.Self.Name} leads by now") { Target = _node.Self.Name };
        }

        var situation = await _node.Server.InspectAsync(upstream, cancellationToken).ConfigureAwait(false);
        var plan = RejoinPolicy.Decide(situation, order.Options);
        return order.Against(plan) is { } against
            ? throw new PgClusterException(Reason.PlanStale, $"{_node.Self.Name}: {against}") { Target = _node.Self.Name }
            : await BringBackAsync(plan, upstream, order.MayClone, situation.Node.HasData, cancellationToken).ConfigureAwait(false);
    }

    private async Task<RejoinOutcome> BringBackAsync(RejoinPlan plan, UpstreamAddress leader, bool mayClone, bool hasData, CancellationToken cancellationToken)
    {
        NodeLog.Rejoining(_node.Logger, leader.Name, plan.Method, plan.Why);
        if (plan.Method != RejoinMethod.Follow && hasData)
        {
            // Whatever becomes of this: a later look may go on with it.
            _node.StoppedByAgent = true;
            await _node.Server.StopAsync(ShutdownMode.Fast, cancellationToken).ConfigureAwait(false);
        }

        var outcome = await ComeBackAsync(plan, leader, mayClone, cancellationToken).ConfigureAwait(false);
        _node.StrandedSince = 0;
        _node.StoppedByAgent = false;
        _node.Wake();
        return outcome;
    }

    private async Task<RejoinOutcome> ComeBackAsync(RejoinPlan plan, UpstreamAddress leader, bool mayClone, CancellationToken cancellationToken)
    {
        if (plan.Method == RejoinMethod.Rewind)
        {
            try
            {
                var rewound = await _node.Server.RewindAsync(leader, plan.KeepCopy, cancellationToken).ConfigureAwait(false);
                await _node.Server.FollowAsync(leader, cancellationToken).ConfigureAwait(false);
                return new RejoinOutcome(RejoinMethod.Rewind, rewound.KeptDirectory);
            }
            catch (PgClusterException e) when (mayClone)
            {
                NodeLog.RewindFailed(_node.Logger, e.Message);

                // It may have come as far as to start.
                await _node.Server.StopAsync(ShutdownMode.Fast, cancellationToken).ConfigureAwait(false);
            }
        }

        if (plan.Method == RejoinMethod.Follow)
        {
            await _node.Server.FollowAsync(leader, cancellationToken).ConfigureAwait(false);
            return new RejoinOutcome(RejoinMethod.Follow, null);
        }

        var cloned = await _node.Server.CloneAsync(leader, plan.KeepCopy, null, cancellationToken).ConfigureAwait(false);
        return new RejoinOutcome(RejoinMethod.Clone, cloned.KeptDirectory);
    }

    private async Task RecordRejoinAsync(
        RejoinPlan plan, RejoinMethod method, UpstreamAddress leader, (DateTimeOffset At, long Clock) began, CancellationToken cancellationToken)
    {
        var elapsed = _node.Time.GetElapsedTime(began.Clock).TotalSeconds;
        var report = new OperationReport
        {
            Id = Guid.CreateVersion7(began.At).ToString("n"),
            Kind = "rejoin",
            Cluster = _node.Config.Name,
            Node = _node.Self.Name,
            Outcome = OperationOutcome.Succeeded,
            NewPrimary = leader.Name,
            Why = string.Create(CultureInfo.InvariantCulture, $"{_node.Self.Name} {plan.Why}; {plan.DiscardedBytes?.ToString(CultureInfo.InvariantCulture) ?? "an unknown number of"} bytes of its WAL were given up"),
            Actor = $"agent of {_node.Self.Name}",
            StartedAt = began.At,
            DurationSeconds = elapsed,
            Steps = [new StepReport(method.ToString().ToLowerInvariant(), StepPhase.Run, _node.Self.Name, 0, elapsed, true, plan.Why)],
        };
        await OperationHistory.AddAsync(_node.Store, report, cancellationToken).ConfigureAwait(false);
    }
}
