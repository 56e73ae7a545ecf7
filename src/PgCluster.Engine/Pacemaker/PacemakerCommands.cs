using System.Globalization;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Rejoin;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pacemaker;

/// <summary>What an agent does for others where Pacemaker is the manager. What would be done behind its back is refused.</summary>
public sealed class PacemakerCommands : INodeAgent, IPacemakerAgent
{
    private static readonly TimeSpan BetweenProbes = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(500);

    private readonly PacemakerContext _node;
    private readonly PacemakerPublisher _publisher;
    private readonly PacemakerDebts _debts;
    private readonly OldPrimary _oldPrimary;
    private readonly PacemakerRejoin _rejoin;
    private readonly SemaphoreSlim _gate;

    internal PacemakerCommands(PacemakerContext node, PacemakerPublisher publisher, PacemakerDebts debts, OldPrimary oldPrimary, SemaphoreSlim gate)
    {
        (_node, _publisher, _debts, _oldPrimary, _gate) = (node, publisher, debts, oldPrimary, gate);
        _rejoin = new PacemakerRejoin(node, debts, oldPrimary);
    }

    private string Name => _node.Self.Name;

    /// <inheritdoc/>
    public async Task<NodeReport> GetStatusAsync(CancellationToken cancellationToken)
    {
        var look = _node.LookAsync(cancellationToken);
        var status = await _node.ProbeAsync(cancellationToken).ConfigureAwait(false);
        await look.ConfigureAwait(false);
        return _node.Describe(status);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PauseBlocker>> GetOpenTransactionsAsync(TimeSpan olderThan, CancellationToken cancellationToken) =>
        [.. (await _node.Server.GetOpenTransactionsAsync(olderThan, cancellationToken).ConfigureAwait(false)).Select(b => b with { Node = Name })];

    /// <inheritdoc/>
    public async Task<int> TerminateSessionsAsync(OperationToken operation, IReadOnlyList<int> pids, CancellationToken cancellationToken)
    {
        await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
        return await _node.Server.TerminateSessionsAsync(pids, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task CheckpointAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
        await _node.Server.CheckpointAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<Lsn> WaitForReplayAsync(Lsn lsn, CancellationToken cancellationToken) => _node.Server.WaitForReplayAsync(lsn, cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ClientSession>> GetSessionsAsync(CancellationToken cancellationToken) =>
        await _node.Server.GetSessionsAsync(cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> SimulateMoveAsync(string target, CancellationToken cancellationToken)
    {
        var roles = await _node.RolesAsync(cancellationToken).ConfigureAwait(false);
        return await _node.Pacemaker.SimulateMoveAsync(roles.Resource.Group!, target, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task MoveAsync(OperationToken operation, string target, CancellationToken cancellationToken)
    {
        await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
        var roles = await MovableAsync(target, cancellationToken).ConfigureAwait(false);
        PacemakerLog.Moving(_node.Logger, target, operation.Id);
        await _debts.DoAsync(new PacemakerDebt(PacemakerDebtKind.Move, roles.Resource.Group!, operation.LockKey, operation.LockRevision), cancellationToken).ConfigureAwait(false);
        await _node.Pacemaker.MoveAsync(roles.Resource.Group!, target, _node.Config.Failover.PauseExpiry, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<Promotion> WaitForPromotionAsync(OperationToken operation, string node, CancellationToken cancellationToken)
    {
        await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
        if (node != Name)
        {
            return await WaitForOtherAsync(node, cancellationToken).ConfigureAwait(false);
        }

        var began = _node.Time.GetTimestamp();
        var looked = began;
        while (true)
        {
            var status = await _node.ProbeAsync(cancellationToken).ConfigureAwait(false);
            if (status is { Role: NodeRole.Primary, State: NodeState.Running })
            {
                var promoted = _node.Time.GetElapsedTime(began);
                var (address, revision) = await _publisher.PublishSelfAsync(cancellationToken).ConfigureAwait(false);
                _node.Wake();
                return new Promotion(status.Timeline, address, revision, promoted.TotalMilliseconds, (_node.Time.GetElapsedTime(began) - promoted).TotalMilliseconds);
            }

            if (_node.Time.GetElapsedTime(looked) > BetweenLooks)
            {
                looked = _node.Time.GetTimestamp();
                RefuseHopeless(await _node.LookAsync(cancellationToken).ConfigureAwait(false), Name);
            }

            await Task.Delay(BetweenProbes, _node.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async Task ClearMoveAsync(CancellationToken cancellationToken)
    {
        var roles = await _node.RolesAsync(cancellationToken).ConfigureAwait(false);
        await _debts.TakeBackAsync(new PacemakerDebt(PacemakerDebtKind.Move, roles.Resource.Group!, "", 0), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task SetStandbyAsync(OperationToken operation, string node, CancellationToken cancellationToken)
    {
        await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
        await _debts.DoAsync(new PacemakerDebt(PacemakerDebtKind.Standby, node, StoreKeys.SuspendedNodes + node, 0), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<string> SettleAsync(OperationToken operation, UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await _oldPrimary.SettleAsync(await _node.RolesAsync(cancellationToken).ConfigureAwait(false), upstream, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The synchronous standby that Pacemaker may promote now; null when there is none.</summary>
    public async Task<CibNode?> FindSynchronousAsync(CancellationToken cancellationToken) => (await _node.RolesAsync(cancellationToken).ConfigureAwait(false)).Synchronous?.Node;

    /// <summary>The address that a node would be published by.</summary>
    public Task<string> GetAddressAsync(CibNode node, CancellationToken cancellationToken) => _publisher.AddressOfAsync(node, cancellationToken);

    /// <summary>As <see cref="MoveAsync"/>, for a client that holds the cluster's lock and has no operation of its own: while that lock stands.</summary>
    /// <returns>The lock's key.</returns>
    public async Task<string> MoveForLockHolderAsync(string target, CancellationToken cancellationToken)
    {
        var held = await _node.Store.GetLockAsync(_node.Keys.Lock, cancellationToken).ConfigureAwait(false)
            ?? throw new PgClusterException(Reason.LockLost, "nobody holds the cluster's lock: take it first");
        await MoveAsync(new OperationToken(held.Holder.Name, held.Key, held.CreateRevision), target, cancellationToken).ConfigureAwait(false);
        return held.Key;
    }

    /// <inheritdoc/>
    public async Task<RejoinInspection> InspectRejoinAsync(UpstreamAddress upstream, CancellationToken cancellationToken) =>
        new(await _node.Server.InspectAsync(upstream, cancellationToken).ConfigureAwait(false), null);

    /// <inheritdoc/>
    public async Task<RejoinOutcome> RejoinAsync(OperationToken operation, UpstreamAddress upstream, RejoinOrder order, CancellationToken cancellationToken)
    {
        await VerifyAsync(operation, cancellationToken).ConfigureAwait(false);
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await _rejoin.RunAsync(operation, upstream, order, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public Task<NodeReport> VoteAsync(CancellationToken cancellationToken) => throw Pacemakers("asked for its vote");

    /// <inheritdoc/>
    public Task VouchAsync(string leader, string term, CancellationToken cancellationToken) => throw Pacemakers("asked to vouch");

    /// <inheritdoc/>
    public Task<PostgresShutdown> StopPrimaryAsync(OperationToken operation, string target, TimeSpan expiry, CancellationToken cancellationToken) => throw Pacemakers("stopped");

    /// <inheritdoc/>
    public Task RestartPrimaryAsync(OperationToken operation, CancellationToken cancellationToken) => throw Pacemakers("started");

    /// <inheritdoc/>
    public Task<Promotion> PromoteAsync(OperationToken operation, CancellationToken cancellationToken) => throw Pacemakers("promoted");

    /// <inheritdoc/>
    public Task FollowAsync(OperationToken operation, UpstreamAddress upstream, CancellationToken cancellationToken) => throw Pacemakers("made a standby of another");

    /// <inheritdoc/>
    public Task<NodeSurvey> SurveyAsync(IReadOnlyList<UpstreamAddress> others, CancellationToken cancellationToken) => throw Pacemakers("taken under management");

    /// <inheritdoc/>
    public Task AdoptAsync(OperationToken operation, string systemIdentifier, UpstreamAddress upstream, CancellationToken cancellationToken) => throw Pacemakers("adopted");

    /// <inheritdoc/>
    public Task<string> MakeServerAsync(OperationToken operation, string locale, string encoding, CancellationToken cancellationToken) => throw Pacemakers("made");

    /// <inheritdoc/>
    public Task BeginServerAsync(OperationToken operation, CancellationToken cancellationToken) => throw Pacemakers("begun");

    /// <inheritdoc/>
    public Task<bool> DiscardServerAsync(OperationToken operation, CancellationToken cancellationToken) => throw Pacemakers("discarded");

    /// <inheritdoc/>
    public Task RestartServerAsync(OperationToken operation, CancellationToken cancellationToken) => throw Pacemakers("restarted");

    /// <inheritdoc/>
    public Task<RolePlan> AdjustRolesAsync(RoleAdjustmentRequest request, CancellationToken cancellationToken) => throw Pacemakers("given a role");

    /// <summary>The roles at this moment, where <paramref name="target"/> is the standby that may be promoted.</summary>
    private async Task<PacemakerRoles> MovableAsync(string target, CancellationToken cancellationToken)
    {
        var roles = await _node.RolesAsync(cancellationToken).ConfigureAwait(false);
        var server = roles.Servers.FirstOrDefault(s => s.Node.Name == target);
        return server is { SyncState: SyncState.Sync }
            ? roles
            : throw new PgClusterException(Reason.NoEligibleCandidate, $"Pacemaker does not have {target} as the synchronous standby any more: {server?.Evidence ?? "it does not know it"}") { Target = target };
    }

    /// <summary>The promotion of a node whose agent does not tell: Pacemaker has it as the primary, it accepts writes at its address, and that is published, by its own agent or by this one.</summary>
    private async Task<Promotion> WaitForOtherAsync(string node, CancellationToken cancellationToken)
    {
        var known = _node.Config.Nodes.FirstOrDefault(n => n.Name == node) ?? throw new PgClusterException(Reason.NodeNotFound, $"no node is named {node}") { Target = node };
        var began = _node.Time.GetTimestamp();
        while (true)
        {
            var before = await _publisher.ReadAsync(cancellationToken).ConfigureAwait(false);
            var look = await _node.LookAsync(cancellationToken).ConfigureAwait(false);
            if (look.Roles?.Primary is { } primary && primary.Node.Name == node)
            {
                // Who is not let in to ask has Pacemaker's word, which comes after the promotion.
                var answer = await _node.Servers.LookAsync(known, _node.Config.Pacemaker.QueryTimeout, cancellationToken).ConfigureAwait(false);
                if (answer.Answer is ServerAnswer.Writes or ServerAnswer.Refused)
                {
                    var promoted = _node.Time.GetElapsedTime(began);
                    await _publisher.WriteAsync(before, primary.Node, cancellationToken).ConfigureAwait(false);
                    if (await _publisher.ReadAsync(cancellationToken).ConfigureAwait(false) is { } entry && PrimaryAddress.TryParse(entry.Value, out var address) && address == new PrimaryAddress(known.Host, known.Port))
                    {
                        return new Promotion(answer.Timeline, entry.Value, entry.ModRevision, promoted.TotalMilliseconds, (_node.Time.GetElapsedTime(began) - promoted).TotalMilliseconds);
                    }
                }
            }

            RefuseHopeless(look, node);
            await Task.Delay(BetweenProbes, _node.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>A promotion that Pacemaker will not bring about is not waited for.</summary>
    private static void RefuseHopeless(PacemakerLook look, string node)
    {
        if (look.Roles?.Servers.FirstOrDefault(s => s.Node.Name == node) is { } server && server.Failures.TryGetValue("promote", out var failures))
        {
            throw new PgClusterException(Reason.PostgresUnavailable, string.Create(CultureInfo.InvariantCulture, $"Pacemaker could not promote {node} ({failures} failures): {server.Evidence}")) { Target = node };
        }
    }

    private PgClusterException Pacemakers(string what) => new(
        Reason.NotSupportedHere, $"Pacemaker holds this cluster together, so the server of {Name} is not {what} by its agent: use Pacemaker's own tools for that") { Target = Name };

    private async Task VerifyAsync(OperationToken operation, CancellationToken cancellationToken)
    {
        var held = await _node.Store.GetLockAsync(_node.Keys.Lock, cancellationToken).ConfigureAwait(false);
        if (held?.Key != operation.LockKey || held.CreateRevision != operation.LockRevision)
        {
            throw new PgClusterException(Reason.LockLost, $"operation {operation.Id} does not hold the cluster's lock");
        }
    }
}
