using PgCluster.Engine.Nodes;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Engine.Pacemaker;

/// <summary>
/// Brings a node's server back as a standby where that takes more than a start: what only it has is taken back, or it starts from a new copy. Pacemaker runs nothing on the node meanwhile, and starts the server at the end.
/// </summary>
internal sealed class PacemakerRejoin(PacemakerContext node, PacemakerDebts debts, OldPrimary oldPrimary)
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(100);

    /// <summary>See <see cref="INodeAgent.RejoinAsync"/>.</summary>
    public async Task<RejoinOutcome> RunAsync(OperationToken operation, UpstreamAddress upstream, RejoinOrder order, CancellationToken cancellationToken)
    {
        var roles = await node.RolesAsync(cancellationToken).ConfigureAwait(false);
        if (roles.Primary?.Node.Name != upstream.Name)
        {
            throw new PgClusterException(Reason.PlanStale, $"Pacemaker has {roles.Primary?.Node.Name ?? "nobody"} as the primary by now") { Target = node.Self.Name };
        }

        var situation = await node.Server.InspectAsync(upstream, cancellationToken).ConfigureAwait(false);
        var plan = RejoinPolicy.Decide(situation, order.Options);
        if (order.Against(plan) is { } against)
        {
            throw new PgClusterException(Reason.PlanStale, $"{node.Self.Name}: {against}") { Target = node.Self.Name };
        }

        if (plan.Method == RejoinMethod.Follow)
        {
            await oldPrimary.SettleAsync(roles, upstream, cancellationToken).ConfigureAwait(false);
            return new RejoinOutcome(RejoinMethod.Follow, null);
        }

        PacemakerLog.Rejoining(node.Logger, upstream.Name, plan.Method, plan.Why);
        var standby = new PacemakerDebt(PacemakerDebtKind.Standby, node.Self.Name, operation.LockKey, operation.LockRevision);
        await debts.DoAsync(standby, cancellationToken).ConfigureAwait(false);
        try
        {
            while ((await node.ProbeAsync(cancellationToken).ConfigureAwait(false)).PostmasterPid != 0)
            {
                await Task.Delay(BetweenLooks, node.Time, cancellationToken).ConfigureAwait(false);
            }

            return await ComeBackAsync(plan, upstream, order.MayClone, roles.Resource, standby, cancellationToken).ConfigureAwait(false);
        }
        catch (PgClusterException)
        {
            // The lock file of a server that is not as it should be keeps Pacemaker from starting it.
            await debts.TakeBackAsync(standby, cancellationToken).ConfigureAwait(false);
            throw;
        }
    }

    private async Task<RejoinOutcome> ComeBackAsync(
        RejoinPlan plan, UpstreamAddress upstream, bool mayClone, PgsqlResource resource, PacemakerDebt standby, CancellationToken cancellationToken)
    {
        if (plan.Method == RejoinMethod.Rewind)
        {
            try
            {
                var rewound = await node.Server.RewindAsync(upstream, plan.KeepCopy, cancellationToken).ConfigureAwait(false);
                await StartAsync(resource, standby, cancellationToken).ConfigureAwait(false);
                return new RejoinOutcome(RejoinMethod.Rewind, rewound.KeptDirectory);
            }
            catch (PgClusterException e) when (mayClone)
            {
                PacemakerLog.RewindFailed(node.Logger, e.Message);
            }
        }

        var cloned = await node.Server.CloneAsync(upstream, plan.KeepCopy, ct => StartAsync(resource, standby, ct), cancellationToken).ConfigureAwait(false);
        return new RejoinOutcome(RejoinMethod.Clone, cloned.KeptDirectory);
    }

    private async Task StartAsync(PgsqlResource resource, PacemakerDebt standby, CancellationToken cancellationToken)
    {
        node.Pacemaker.RemoveLockFile(resource.TemporaryDirectory);
        await debts.TakeBackAsync(standby, cancellationToken).ConfigureAwait(false);
        await node.Pacemaker.RefreshAsync(resource.Name, node.Self.Name, cancellationToken).ConfigureAwait(false);
    }
}
