using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pacemaker;

/// <summary>
/// Decides whether a planned failover may be asked of Pacemaker and makes its plan. Pure. The target is the standby that Pacemaker has as the synchronous one, and no other: its resource agent promotes nobody else. A
/// primary that is gone Pacemaker replaces by itself.
/// </summary>
internal static class PacemakerFailoverPlanner
{
    /// <summary>Judges and plans.</summary>
    /// <param name="view">The cluster.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="options">Budgets and limits.</param>
    /// <param name="id">Id of the plan.</param>
    public static FailoverAssessment Assess(ClusterView view, FailoverRequest request, FailoverConfig options, string id)
    {
        var from = view.Primary;
        var candidates = Candidates(view, options);
        var target = request.Target ?? candidates.FirstOrDefault(c => c.Eligible)?.Node;
        PreflightCheck[] checks = NobodyOfOurs(view) is { } nobody ? [CommonChecks.Quorum(view), nobody] :
        [
            CommonChecks.Quorum(view),
            CommonChecks.LockFree(view, request.HeldLockKey),
            .. from is null ? NoPrimary(view) : Checks(view, request, options, from, target),
            FailoverPlanner.Target(request, candidates, target),
            .. FailoverPlanner.Redirected(view),
            .. FailoverPlanner.PoolersInUse(view).Select(p => FailoverPlanner.Pooler(view, p, from, false, request)),
            .. FailoverPlanner.Proxies(view),
        ];
        var ready = !checks.Any(c => c.Status == CheckStatus.Failed);
        return new FailoverAssessment(new OperationPlan
        {
            Id = id,
            Kind = "failover",
            Cluster = view.Cluster,
            From = from?.Name,
            To = target,
            Revision = view.PublishedPrimary?.ModRevision ?? 0,
            Steps = ready ? Steps(view, from!, target!, options) : [],
            Checks = checks,
            Candidates = candidates,
            Blockers = view.Blockers,
        });
    }

    /// <summary>As for any planned failover, and Pacemaker has to have the node as the synchronous standby.</summary>
    private static IReadOnlyList<CandidateVerdict> Candidates(ClusterView view, FailoverConfig options)
    {
        var judged = CandidatePolicy.Judge([.. view.Nodes.Select(n => AsFarAsKnown(view, n))], view.Primary, false, options.MaxLag).Select(c => Told(view, c)).Select(c => view.Pacemaker?.Of(c.Node) is { } member && member.SyncState == SyncState.Sync
            ? c
            : new CandidateVerdict(c.Node, false, 0, [.. c.Eligible ? [] : c.Reasons, $"Pacemaker does not have it as the synchronous standby: {view.Pacemaker?.Of(c.Node)?.Evidence ?? "nothing is known of it there"}"])).ToArray();
        return [.. judged.Where(c => c.Eligible), .. judged.Where(c => !c.Eligible)];
    }

    /// <summary>Of a standby whose agent, or whose primary's, says nothing, Pacemaker's word counts: one that is synchronous has received every commit. What it has to replay is not known.</summary>
    private static NodeObservation AsFarAsKnown(ClusterView view, NodeObservation node) => !IsUntold(view, node) ? node : node with
    {
        Postgres = node.Postgres ?? new PostgresStatus { Role = node.Node.Role, State = node.Node.State },
        Node = node.Node with { LagBytes = node.Node.LagBytes ?? 0 },
    };

    private static CandidateVerdict Told(ClusterView view, CandidateVerdict verdict) =>
        verdict.Eligible && view.Nodes.First(n => n.Name == verdict.Node) is var node && IsUntold(view, node) && node.Node.LagBytes is null
            ? verdict with { Reasons = [$"{node.Node.SyncState}: {node.Node.Evidence}", "how much it has to replay is not known"] }
            : verdict;

    private static bool IsUntold(ClusterView view, NodeObservation node) => node.IsPgcm || view.Primary is { IsPgcm: true };

    /// <summary>Somebody has to read Pacemaker, and to be asked for the move.</summary>
    private static PreflightCheck? NobodyOfOurs(ClusterView view) => view.Nodes.Any(n => n.IsPgcm) && view.Nodes.All(n => n.Postgres is null)
        ? new("AgentOfOurs", CheckStatus.Failed,
            $"the agents of {string.Join(", ", view.Nodes.Where(n => n.IsPgcm).Select(n => n.Name))} are pgsql-cluster-manager's, and none of PgCluster's answers: nobody tells what Pacemaker has",
            "replace one: stop pgcm supervise on a node and start pgcluster supervise there; until then pgcm failover moves the primary", Reason.ForeignAgent)
        : null;

    /// <summary>What pgsql-cluster-manager's agents do not say or do, of each.</summary>
    private static IEnumerable<PreflightCheck> Pgcm(ClusterView view, NodeObservation primary) => view.Nodes.Where(n => n.IsPgcm).Select(n => new PreflightCheck(
        "AgentOfOurs", CheckStatus.Warning,
        n.Name == primary.Name
            ? $"the agent of {n.Name}, the primary, is pgsql-cluster-manager's: no checkpoint is made ahead, and its server stays down after the move until PGSQL.lock is removed there by hand"
            : $"the agent of {n.Name} is pgsql-cluster-manager's: what is known of its server is what others see in Pacemaker ({n.Node.Evidence})",
        $"start pgcluster supervise on {n.Name} in place of pgcm supervise", Reason.ForeignAgent));

    /// <summary>What only an agent of ours could look at on the primary.</summary>
    private static IEnumerable<PreflightCheck> UnseenOnPrimary(NodeObservation primary, FailoverRequest request)
    {
        var why = $"nobody sees on {primary.Name}, whose agent is pgsql-cluster-manager's,";
        yield return new("Slots", CheckStatus.Warning, $"{why} whether logical slots exist that would be lost", "SELECT * FROM pg_replication_slots there shows them");
        yield return new("Archiver", CheckStatus.Warning, $"{why} whether WAL waits for archive_command, which the shutdown would wait for", "SELECT * FROM pg_stat_archiver there shows it");
        yield return request.BlockerPolicy == BlockerPolicy.Abort
            ? new("PauseBlockers", CheckStatus.Failed, $"{why} whether transactions are open", "choose another -BlockerPolicy than Abort", Reason.ForeignAgent)
            : new("PauseBlockers", CheckStatus.Warning, $"{why} whether transactions are open{(request.BlockerPolicy == BlockerPolicy.Terminate ? ", and none is terminated" : "")}: the pause waits for them", "SELECT * FROM pg_stat_activity there shows them");
    }

    private static IEnumerable<PreflightCheck> NoPrimary(ClusterView view)
    {
        var running = view.RunningPrimaries.Select(n => n.Name).ToArray();
        yield return running.Length > 1
            ? new("OnePrimary", CheckStatus.Failed, $"{string.Join(" and ", running)} both run as a primary", "stop the one that Pacemaker does not have as the primary", Reason.SplitBrain)
            : new("OnePrimary", CheckStatus.Failed, view.NoPrimaryEvidence,
                "Pacemaker replaces a primary that is gone by itself: crm_mon -1 and Test-PgCluster say what keeps it from that", Reason.NoPrimary);
    }

    private static IEnumerable<PreflightCheck> Checks(ClusterView view, FailoverRequest request, FailoverConfig options, NodeObservation primary, string? target)
    {
        yield return new("OnePrimary", CheckStatus.Passed, string.Create(CultureInfo.InvariantCulture, $"{primary.Name} is the primary on timeline {primary.Node.Timeline}"));
        yield return Believed(view, primary);
        if (view.Pacemaker is { } pacemaker)
        {
            yield return pacemaker.InMaintenance
                ? new("NotInMaintenance", CheckStatus.Failed, "Pacemaker is in maintenance mode: it would move nothing", "Resume-PgCluster ends it, or crm_attribute where somebody else began it", Reason.PreflightFailed)
                : new("NotInMaintenance", CheckStatus.Passed, "Pacemaker is not in maintenance mode");
            yield return pacemaker.Moves.Count > 0
                ? new("NoMoveLeft", CheckStatus.Failed, $"constraints of an earlier move are left in Pacemaker: {string.Join(", ", pacemaker.Moves)}", "crm_resource --clear removes them", Reason.PreflightFailed)
                : new("NoMoveLeft", CheckStatus.Passed, "no constraint of an earlier move is left");
            foreach (var member in pacemaker.Members.Where(m => m.Name == target && m.Failures.Count > 0))
            {
                yield return new("NoFailures", CheckStatus.Failed,
                    $"{member.Name} has failed: {string.Join(", ", member.Failures.Select(f => $"{f.Key} {(f.Value == int.MaxValue ? "until Pacemaker gave up" : f.Value.ToString(CultureInfo.InvariantCulture) + " times")}"))}",
                    $"see why, then crm_resource --cleanup --node {member.Name}", Reason.PreflightFailed);
            }
        }

        yield return FailoverPlanner.Published(view, primary);
        foreach (var check in FailoverPlanner.Agents(view, request, target))
        {
            yield return check;
        }

        foreach (var check in Pgcm(view, primary))
        {
            yield return check;
        }

        foreach (var check in primary.IsPgcm
            ? UnseenOnPrimary(primary, request)
            : [FailoverPlanner.LogicalSlots(primary, request), FailoverPlanner.Archiver(primary, options), FailoverPlanner.PauseBlockers(view, request.BlockerPolicy, options)])
        {
            yield return check;
        }
    }

    private static PreflightCheck Believed(ClusterView view, NodeObservation primary) => view.Pacemaker switch
    {
        null => new("PacemakerAnswers", CheckStatus.Failed,
            string.Join("; ", view.Nodes.Select(n => $"{n.Name}: {n.Pacemaker?.Error ?? n.Node.Evidence}")), "bring Pacemaker back first: it is what moves the primary", Reason.PacemakerUnavailable),
        var pacemaker when pacemaker.Primary != primary.Name => new("PacemakerAgrees", CheckStatus.Failed,
            $"Pacemaker has {pacemaker.Primary ?? "nobody"} as the primary, and {primary.Name} runs as one", "wait until it has looked again, or see crm_mon -1", Reason.PreflightFailed),
        var pacemaker => new("PacemakerAgrees", CheckStatus.Passed, $"Pacemaker has {primary.Name} as the primary of {pacemaker.Resource} and {pacemaker.Synchronous ?? "nobody"} as its synchronous standby"),
    };

    private static PlanStep[] Steps(ClusterView view, NodeObservation primary, string target, FailoverConfig options)
    {
        var poolers = string.Join(",", FailoverPlanner.PoolersInUse(view).Where(p => p.Pooler.State != PoolerState.Unreachable).Select(p => p.Name));
        var toPause = string.Join(",", FailoverPlanner.PoolersInUse(view).Where(p => p.Pooler.State == PoolerState.Active).Select(p => p.Name));

        // Where Pacemaker runs nothing there is nobody to wait for; nor is there where nobody removes the lock file.
        var from = primary.Name;
        var standbys = string.Join(",", view.Nodes.Where(n => n.Name != target && n.Answers && (n.Name != from || !n.IsPgcm) && view.Pacemaker?.Of(n.Name) is { IsOnline: true, InStandby: false }).Select(n => n.Name));
        var steps = new List<PlanStep>();
        void Add(string name, string description, string node, TimeSpan budget, string undo = "", bool final = false) =>
            steps.Add(new PlanStep(steps.Count + 1, name, description, node, budget.TotalSeconds, undo, final));

        Add(FailoverSteps.Lock, "take the cluster's lock", "", options.LockTimeout, "give the lock back, at the end in any case");
        Add(FailoverSteps.Recheck, "look once more whether the cluster is as this plan found it", "", options.HealthCheckTimeout);
        if (!primary.IsPgcm)
        {
            Add(FailoverSteps.Checkpoint, $"checkpoint {from}, so that the one at shutdown is small", from, options.MigrateTimeout);
        }

        if (toPause.Length > 0)
        {
            Add(FailoverSteps.Pause, "pause every pooler: clients wait", toPause, options.PauseTimeout + TimeSpan.FromSeconds(1), "resume them");
        }

        Add(FailoverSteps.Move, $"ask Pacemaker to move the primary from {from} to {target}", target, options.MigrateTimeout, "take the constraint back, at the end in any case, and wait for a primary");
        Add(FailoverSteps.Promote, $"wait until {target} accepts writes, and publish its address", target, options.MigrateTimeout, final: true);
        if (poolers.Length > 0)
        {
            Add(FailoverSteps.Repoint, $"wait until every pooler leads to {target}", poolers, options.ResumeTimeout);
        }

        if (toPause.Length > 0)
        {
            Add(FailoverSteps.Resume, "resume every pooler", toPause, options.ResumeTimeout);
        }

        Add(FailoverSteps.Publish, $"confirm that etcd names {target}", "", options.FollowTimeout);
        Add(FailoverSteps.Clear, "take back the constraint that moved the primary", target, options.MigrateTimeout);
        if (standbys.Length > 0)
        {
            Add(FailoverSteps.Settle, primary.IsPgcm ? $"wait until the others stream from {target}" : $"have {from} started as a standby where that is safe, and wait until all stream from {target}", standbys, options.FollowTimeout);
        }

        return [.. steps];
    }
}
