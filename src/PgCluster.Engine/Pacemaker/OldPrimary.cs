using PgCluster.Engine.Nodes;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Engine.Pacemaker;

/// <summary>
/// Brings the server of an old primary back as a standby. The resource agent leaves a lock file wherever a server was the primary and was not the last to stop, and does not start it while that is there, after a
/// planned failover too. Where it is proven that the new primary has everything this server has, the file says nothing any more.
/// </summary>
internal sealed class OldPrimary(PacemakerContext node)
{
    private string? _said;

    // The file is gone and Pacemaker has not been told yet.
    private bool _owesRefresh;

    // Pacemaker may have found the server down, and counted that as a failure, just before it was told to look again.
    private bool _mayHaveFailed;

    /// <summary>Whether there is something to do here.</summary>
    /// <param name="look">What Pacemaker says.</param>
    /// <param name="own">The server of this node.</param>
    public bool IsDue(PacemakerLook look, PostgresStatus own) =>
        look is { Roles.Primary: { } primary, Report.InMaintenance: false } && primary.Node.Name != node.Self.Name && own.PostmasterPid == 0 && (look.Report.LockFile || _owesRefresh)
        && look.Report.Of(node.Self.Name) is { IsOnline: true, InStandby: false };

    /// <summary>Does it when it is due. Says once why it cannot be done.</summary>
    public async Task TurnAsync(PacemakerLook look, PostgresStatus own, CancellationToken cancellationToken)
    {
        if (_mayHaveFailed && look.Roles is { } roles && own is { Role: NodeRole.Standby, State: NodeState.Running })
        {
            _mayHaveFailed = look.Report.Of(node.Self.Name) is { Failures.Count: > 0 };
            if (_mayHaveFailed)
            {
                await node.Pacemaker.RefreshAsync(roles.Resource.Name, node.Self.Name, cancellationToken).ConfigureAwait(false);
            }
        }

        if (!node.Config.Pacemaker.ClearLockFile || !IsDue(look, own))
        {
            _said = null;
            return;
        }

        var primary = look.Roles!.Primary!.Node.Name;
        if (node.Config.Nodes.FirstOrDefault(n => n.Name == primary) is not { } known)
        {
            return;
        }

        try
        {
            await SettleAsync(look.Roles, new UpstreamAddress(known.Name, known.Host, known.Port), cancellationToken).ConfigureAwait(false);
            _said = null;
        }
        catch (PgClusterException e) when (e.Reason == Reason.NodeNeeded)
        {
            if (_said != e.Message)
            {
                _said = e.Message;
                PacemakerLog.NeedsRepair(node.Logger, primary, e.Message);
            }
        }
    }

    /// <summary>Removes the lock file of a server that is proven clean, and has Pacemaker try again. Returns what was done.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NodeNeeded"/>: it is not clean; nothing was done.</exception>
    public async Task<string> SettleAsync(PacemakerRoles roles, UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        var proven = "no lock file was in the way";
        if (node.Pacemaker.HasLockFile(roles.Resource.TemporaryDirectory))
        {
            var plan = RejoinPolicy.Decide(await node.Server.InspectAsync(upstream, cancellationToken).ConfigureAwait(false), new RejoinOptions());
            if (plan.Method != RejoinMethod.Follow)
            {
                throw new PgClusterException(Reason.NodeNeeded, $"{node.Self.Name} cannot just follow {upstream.Name}: {plan.Why}; Repair-PgClusterNode brings it back") { Target = node.Self.Name };
            }

            _owesRefresh = true;
            node.Pacemaker.RemoveLockFile(roles.Resource.TemporaryDirectory);
            PacemakerLog.LockFileRemoved(node.Logger, upstream.Name, plan.Why);
            proven = $"the lock file of an old primary was removed, because {plan.Why}";
        }

        _mayHaveFailed = true;
        await node.Pacemaker.RefreshAsync(roles.Resource.Name, node.Self.Name, cancellationToken).ConfigureAwait(false);
        _owesRefresh = false;
        return proven;
    }
}
