using System.Globalization;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pacemaker;

/// <summary>What is wrong with Pacemaker, or will be in the way of the next failover.</summary>
internal static class PacemakerCheckup
{
    /// <summary>Every check, where Pacemaker is the manager.</summary>
    public static IEnumerable<PreflightCheck> Run(ClusterView view)
    {
        foreach (var node in view.Nodes.Where(n => n.Pacemaker is { Error: not null }))
        {
            yield return new("PacemakerAnswers", CheckStatus.Failed, $"{node.Name}: {node.Pacemaker!.Error}", $"start Pacemaker on {node.Name}, or see corosync-quorumtool there",
                node.Pacemaker.HasQuorum ? Reason.PacemakerUnavailable : Reason.NoQuorum);
        }

        if (view.Pacemaker is not { } pacemaker)
        {
            yield return new("PacemakerQuorum", CheckStatus.Failed, "no agent reaches a Pacemaker with quorum", "bring the majority of its nodes back first: without it nothing is promoted", Reason.NoQuorum);
            yield break;
        }

        yield return new("PacemakerQuorum", CheckStatus.Passed, "Pacemaker has quorum");
        yield return pacemaker.Primary is { } primary && primary == view.Primary?.Name
            ? new("PacemakerAgrees", CheckStatus.Passed, $"Pacemaker has {primary} as the primary of {pacemaker.Resource}")
            : new("PacemakerAgrees", CheckStatus.Failed, $"Pacemaker has {pacemaker.Primary ?? "nobody"} as the primary, and {view.Primary?.Name ?? "nobody"} runs as one", "see crm_mon -1 -A -f", Reason.NoPrimary);
        yield return pacemaker.Synchronous is { } synchronous
            ? new("Successor", CheckStatus.Passed, $"Pacemaker would promote {synchronous}")
            : new("Successor", CheckStatus.Failed, "Pacemaker has no synchronous standby that it could promote", "bring a standby back, and see what its resource agent says of it in crm_mon -1 -A", Reason.NoEligibleCandidate);
        yield return pacemaker.Fences
            ? new("Fencing", CheckStatus.Passed, "Pacemaker fences a node that it has lost (stonith-enabled)")
            : new("Fencing", CheckStatus.Warning, "Pacemaker does not fence a node that it has lost: stonith-enabled is false", "configure a fencing device: a primary that is cut off may go on for a while");
        yield return pacemaker.InMaintenance
            ? new("NotInMaintenance", CheckStatus.Warning, "Pacemaker is in maintenance mode: it replaces nobody", "Resume-PgCluster ends it, or crm_attribute where somebody else began it")
            : new("NotInMaintenance", CheckStatus.Passed, "Pacemaker is not in maintenance mode");
        yield return pacemaker.Moves.Count == 0
            ? new("NoMoveLeft", CheckStatus.Passed, "no constraint of an earlier move is left")
            : new("NoMoveLeft", CheckStatus.Failed, $"constraints of an earlier move are left: {string.Join(", ", pacemaker.Moves)}", $"crm_resource --clear --resource {pacemaker.Group} removes them: they decide where the primary may be", Reason.PreflightFailed);
        foreach (var member in pacemaker.Members)
        {
            foreach (var check in Member(view, member))
            {
                yield return check;
            }
        }
    }

    private static IEnumerable<PreflightCheck> Member(ClusterView view, PacemakerMember member)
    {
        if (!member.IsOnline)
        {
            yield return new("MemberOnline", CheckStatus.Failed, $"{member.Name} is offline for Pacemaker", $"start Pacemaker on {member.Name}, or bring the host back", Reason.PacemakerUnavailable);
        }

        if (member.InStandby && view.Nodes.FirstOrDefault(n => n.Name == member.Name) is not { Node.Suspended: not null })
        {
            yield return new("NotInStandby", CheckStatus.Warning, $"{member.Name} is in standby for Pacemaker, and nobody has taken it out of service here", $"crm_attribute --node {member.Name} --name standby --delete lets it run its server again");
        }

        foreach (var (action, times) in member.Failures)
        {
            yield return new("NoFailures", CheckStatus.Failed,
                $"{member.Name} failed to {action} its server {(times == int.MaxValue ? "until Pacemaker gave up" : times.ToString(CultureInfo.InvariantCulture) + " times")}",
                $"see the log of {member.Name}, then Repair-PgClusterNode, or crm_resource --cleanup --node {member.Name}", Reason.PostgresUnavailable);
        }

        if (view.Nodes.FirstOrDefault(n => n.Name == member.Name) is { Pacemaker.LockFile: true, Node.Role: not NodeRole.Primary })
        {
            yield return new("NoLockFile", CheckStatus.Failed, $"the lock file of an old primary keeps the server of {member.Name} from being started",
                "its agent removes it where it is proven that nothing is lost; else Repair-PgClusterNode", Reason.PostgresUnavailable);
        }
    }
}
