using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Pacemaker;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Failover;

/// <summary>
/// Decides whether a failover may run and makes its plan. Pure: everything it knows is in the view. A healthy primary makes a planned failover, a
/// primary that is gone a forced one.
/// </summary>
public static class FailoverPlanner
{
    /// <summary>Name of the check that says that clients have left the cluster; a plan without it is for one that they use.</summary>
    internal const string ClientsElsewhere = "ClientsElsewhere";

    /// <summary>Judges and plans.</summary>
    /// <param name="view">The cluster.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="options">Budgets and limits.</param>
    /// <param name="id">Id of the plan.</param>
    public static FailoverAssessment Assess(ClusterView view, FailoverRequest request, FailoverConfig options, string id) =>
        view.Manager == ClusterManager.Pacemaker ? PacemakerFailoverPlanner.Assess(view, request, options, id) : AssessNative(view, request, options, id);

    private static FailoverAssessment AssessNative(ClusterView view, FailoverRequest request, FailoverConfig options, string id)
    {
        var forced = !view.RunningPrimaries.Any();
        var from = forced ? view.PublishedNode : view.Primary;
        var candidates = CandidatePolicy.Judge(view.Nodes, from, forced, options.MaxLag);
        var target = request.Target ?? candidates.FirstOrDefault(c => c.Eligible)?.Node;

        PreflightCheck[] checks =
        [
            CommonChecks.Quorum(view),
            CommonChecks.LockFree(view, request.HeldLockKey),
            .. forced ? ForcedChecks(view, request, from) : PlannedChecks(view, request, options, from, target),
            Target(request, candidates, target),
            .. Redirected(view),
            .. PoolersInUse(view).Select(p => Pooler(view, p, from, forced, request)),
            .. Proxies(view),
        ];
        var ready = !checks.Any(c => c.Status == CheckStatus.Failed);
        return new FailoverAssessment(new OperationPlan
        {
            Id = id,
            Kind = "failover",
            Cluster = view.Cluster,
            From = from?.Name,
            To = target,
            Forced = forced,
            Revision = view.PublishedPrimary?.ModRevision ?? 0,
            Steps = ready && target is not null ? Steps(view, from, target, forced, options) : [],
            Checks = checks,
            Candidates = candidates,
            Blockers = view.Blockers,
        });
    }

    private static IEnumerable<PreflightCheck> PlannedChecks(
        ClusterView view, FailoverRequest request, FailoverConfig options, NodeObservation? primary, string? target)
    {
        if (primary is null)
        {
            yield return new("OnePrimary", CheckStatus.Failed,
                $"{string.Join(" and ", view.RunningPrimaries.Select(n => n.Name))} both run as a primary",
                "stop the one whose timeline is older", Reason.SplitBrain);
            yield break;
        }

        yield return new("OnePrimary", CheckStatus.Passed,
            string.Create(CultureInfo.InvariantCulture, $"{primary.Name} is the primary on timeline {primary.Node.Timeline}"));

        yield return Published(view, primary);
        foreach (var check in Agents(view, request, target))
        {
            yield return check;
        }

        var synchronous = view.Nodes.Where(n => n.Node.SyncState is SyncState.Sync or SyncState.Quorum).Select(n => n.Name).ToArray();
        var policy = primary.Postgres?.SynchronousStandbyNames ?? "";
        yield return (policy.Length, synchronous.Length) switch
        {
            (0, _) => new("SynchronousStandby", CheckStatus.Warning, "synchronous_standby_names is empty: commits wait for nobody",
                "name synchronous standbys, so that the loss of the primary loses no commit"),
            (_, 0) => new("SynchronousStandby", CheckStatus.Failed, $"no standby is synchronous under '{policy}'",
                "bring a synchronous standby back: commits wait for it too", Reason.NoEligibleCandidate),
            _ => new("SynchronousStandby", CheckStatus.Passed, string.Join(", ", synchronous) + " under " + policy),
        };

        yield return LogicalSlots(primary, request);
        yield return Archiver(primary, options);
        yield return PauseBlockers(view, request.BlockerPolicy, options);
    }

    /// <summary>Whether the store names the primary.</summary>
    internal static PreflightCheck Published(ClusterView view, NodeObservation primary) =>
        view.PublishedNode?.Name == primary.Name
            ? new("PublishedPrimary", CheckStatus.Passed, $"etcd names {primary.Name}, {view.PublishedPrimary!.Value}")
            : new("PublishedPrimary", CheckStatus.Failed,
                $"etcd names {view.PublishedPrimary?.Value ?? "nobody"} while {primary.Name} is the primary",
                $"see why the agent of {primary.Name} does not publish", Reason.PreflightFailed);

    /// <summary>Whether the agents answer; those that need not are warned of.</summary>
    internal static IEnumerable<PreflightCheck> Agents(ClusterView view, FailoverRequest request, string? target)
    {
        foreach (var node in view.Nodes.Where(n => !n.Answers))
        {
            // Whoever took a node out of service may have switched it off: the next one can still hand over.
            var optional = node.Name != target && (request.Force || node.Node.Suspended is not null);
            yield return new("AgentAnswers", optional ? CheckStatus.Warning : CheckStatus.Failed, $"the agent of {node.Name}{OutOfService(view, node.Name)} does not answer: {node.Node.Evidence}",
                "start it, or go on without this node by -Force", Reason.AgentUnreachable);
        }

        if (view.Nodes.All(n => n.Answers))
        {
            yield return new("AgentAnswers", CheckStatus.Passed, string.Create(CultureInfo.InvariantCulture, $"all {view.Nodes.Count} agents answer"));
        }
    }

    /// <summary>Whether logical slots would be lost with the primary's role.</summary>
    internal static PreflightCheck LogicalSlots(NodeObservation primary, FailoverRequest request)
    {
        var logical = (primary.Postgres?.Slots ?? []).Where(s => s.Logical && !s.Synced).Select(s => s.Name).ToArray();
        return logical.Length == 0
            ? new("Slots", CheckStatus.Passed, "no logical slot would be lost")
            : new("Slots", request.Force ? CheckStatus.Warning : CheckStatus.Failed,
                $"logical slots exist on {primary.Name} only and would be lost: {string.Join(", ", logical)}",
                "drop them, synchronise them (PostgreSQL 17), or accept their loss by -Force");
    }

    /// <summary>Whether the archiver would hold a shutdown up.</summary>
    internal static PreflightCheck Archiver(NodeObservation primary, FailoverConfig options)
    {
        var backlog = primary.Postgres?.ArchiveBacklog ?? 0;
        return primary.Postgres?.ArchiverFailing == true || backlog > options.MaxArchiveBacklog
            ? new("Archiver", CheckStatus.Failed,
                string.Create(CultureInfo.InvariantCulture, $"{backlog} WAL segments wait for archive_command{(primary.Postgres!.ArchiverFailing ? ", whose last run failed" : "")}; the limit is {options.MaxArchiveBacklog}"),
                "a shutdown waits for the archiver: mend archive_command first")
            : new("Archiver", CheckStatus.Passed, string.Create(CultureInfo.InvariantCulture, $"{backlog} WAL segments wait for archive_command"));
    }

    /// <summary>Whether sessions would keep a pooler from pausing.</summary>
    internal static PreflightCheck PauseBlockers(ClusterView view, BlockerPolicy policy, FailoverConfig options)
    {
        if (view.Blockers.Count == 0)
        {
            return new("PauseBlockers", CheckStatus.Passed, "no long transaction is open");
        }

        var named = string.Join("; ", view.Blockers.Select(b => string.Create(
            CultureInfo.InvariantCulture, $"pid {b.Pid} of {b.User} in {b.Database}, {b.State}, for {b.AgeSeconds:0.0} s")));
        return new("PauseBlockers", policy == BlockerPolicy.Abort ? CheckStatus.Failed : CheckStatus.Warning, named,
            policy switch
            {
                BlockerPolicy.Terminate => "they are terminated when half of the pause timeout is over",
                BlockerPolicy.Abort => "end them, or choose another -BlockerPolicy",
                _ => string.Create(CultureInfo.InvariantCulture, $"the pause waits for them, {options.PauseTimeout.TotalSeconds:0.###} s at most"),
            }, Reason.BlockedBySessions);
    }

    private static IEnumerable<PreflightCheck> ForcedChecks(ClusterView view, FailoverRequest request, NodeObservation? old)
    {
        yield return request.Force
            ? new("ForceGiven", CheckStatus.Passed, "the primary is gone and -Force was given")
            : new("ForceGiven", CheckStatus.Failed, $"no node runs as a primary{(old is null ? "" : $"; {old.Name} is {old.Node.State}: {old.Node.Evidence}")}",
                "when it cannot be brought back, ask for a forced failover by -Force", Reason.ForceRequired);

        yield return view.PublishedPrimaryAnswers
            ? new("OldPrimaryGone", CheckStatus.Failed, $"the PostgreSQL of {old?.Name} still answers at {view.PublishedPrimary?.Value}",
                "a second primary must not be made: stop it, or bring its agent back", Reason.OldPrimaryStillRunning)
            : new("OldPrimaryGone", CheckStatus.Passed, old is null ? "no primary was ever published" : $"{old.Name} does not answer");

        yield return view.Leader is { } leader
            ? new("LeaseEnded", CheckStatus.Failed, $"{leader.Node} still holds the leader's lease, so it may be writing",
                "wait until it has ended: at most leader.ttl after its agent's last word", Reason.OldPrimaryStillRunning)
            : new("LeaseEnded", CheckStatus.Passed, "nobody holds the leader's lease");

        yield return Vouching(view, request, old);
    }

    private static PreflightCheck Vouching(ClusterView view, FailoverRequest request, NodeObservation? old)
    {
        var policy = view.Synchronous;
        if (policy is null || policy.NeededToVouch == 0 || (old is not null && policy.Primary != old.Name))
        {
            return new("EveryCommitVouchedFor", request.AllowDataLoss ? CheckStatus.Warning : CheckStatus.Failed,
                "no synchronous policy is recorded under which a standby must have every acknowledged commit",
                "accept that acknowledged commits may be lost by -AllowDataLoss", Reason.DataLossNotAllowed);
        }

        string[] Asked(SynchronousPolicyRecord inForce) =>
            [.. view.Nodes.Where(n => n.Postgres is not null && n.Node.Role == NodeRole.Standby && inForce.Standbys.Contains(n.Name)).Select(n => n.Name)];
        var evidence = string.Join("; ", policy.InForce.Select(p => string.Create(
            CultureInfo.InvariantCulture,
            $"a commit of {p.Primary} was on {p.Count} of {string.Join(", ", p.Standbys)}; {p.NeededToVouch} have to be asked, {Asked(p).Length} answer")));
        return policy.InForce.All(p => Asked(p).Length >= p.NeededToVouch)
            ? new("EveryCommitVouchedFor", CheckStatus.Passed, evidence)
            : new("EveryCommitVouchedFor", request.AllowDataLoss ? CheckStatus.Warning : CheckStatus.Failed, evidence,
                "bring one of the missing standbys back, or accept that acknowledged commits may be lost by -AllowDataLoss", Reason.DataLossNotAllowed);
    }

    internal static PreflightCheck Target(FailoverRequest request, IReadOnlyList<CandidateVerdict> candidates, string? target)
    {
        if (target is null)
        {
            return new("Target", CheckStatus.Failed,
                string.Join("; ", candidates.Select(c => $"{c.Node} {string.Join(", ", c.Reasons)}")), "mend one of these nodes", Reason.NoEligibleCandidate);
        }

        var verdict = candidates.FirstOrDefault(c => c.Node == target);
        return verdict switch
        {
            null => new("Target", CheckStatus.Failed, $"no node is named {target}; there are {string.Join(", ", candidates.Select(c => c.Node))}",
                "name one of these", Reason.NodeNotFound),
            { Eligible: false } => new("Target", CheckStatus.Failed, $"{target} {string.Join(", ", verdict.Reasons)}",
                "choose another -Target, or mend this node", Reason.TargetNotEligible),
            _ => new("Target", CheckStatus.Passed, $"{target}{(request.Target is null ? " is the best candidate" : "")}: {string.Join(", ", verdict.Reasons)}"),
        };
    }

    /// <summary>Whether a pooler can be paused, and leads to the primary.</summary>
    internal static PreflightCheck Pooler(ClusterView view, PoolerObservation observed, NodeObservation? primary, bool forced, FailoverRequest request)
    {
        var pooler = observed.Pooler;
        if (pooler.State == PoolerState.Unreachable)
        {
            var beside = OutOfService(view, pooler.Node);
            return new("PoolerAnswers", request.Force || beside.Length > 0 ? CheckStatus.Warning : CheckStatus.Failed,
                $"pooler {pooler.Name}{(beside.Length > 0 ? $" beside {pooler.Node}{beside}" : "")} does not answer: {pooler.Evidence}",
                $"start it and its keeper at {pooler.Keeper}, or go on without it by -Force", Reason.PoolerUnreachable);
        }

        if (pooler.State is PoolerState.Paused or PoolerState.Pausing)
        {
            return new("PoolerActive", forced || request.HeldLockKey is not null ? CheckStatus.Warning : CheckStatus.Failed, $"pooler {pooler.Name} is {pooler.State} already",
                $"resume it with Resume-PgPooler {pooler.Name}, or wait for its pause to expire", Reason.PreflightFailed);
        }

        if (pooler.IsPgcm)
        {
            return new("PoolerUnseen", CheckStatus.Warning,
                $"pooler {pooler.Name} is kept by pgsql-cluster-manager's agent: it is paused and resumed, but whether it is paused already, where it leads and how it pools cannot be seen",
                $"see to it that pgcm's proxy runs beside it, or start pgcluster supervise and pgcluster proxy there instead");
        }

        var expected = primary is null ? null : string.Create(CultureInfo.InvariantCulture, $"{primary.Node.Host}:{primary.Node.Port}");
        if (!forced && pooler.PointsTo != expected)
        {
            return new("PoolerLeadsToPrimary", CheckStatus.Failed, $"pooler {pooler.Name} leads to {pooler.PointsTo ?? "nowhere"}, the primary is {expected}",
                $"see why the proxy of {pooler.Name} does not follow", Reason.PreflightFailed);
        }

        return pooler.PoolMode?.Contains("session", StringComparison.Ordinal) == true
            ? new("PoolMode", request.BlockerPolicy == BlockerPolicy.Abort && pooler.Clients > 0 ? CheckStatus.Failed : CheckStatus.Warning,
                string.Create(CultureInfo.InvariantCulture, $"pooler {pooler.Name} pools sessions and has {pooler.Clients} clients: its pause waits until they disconnect"),
                "use transaction pooling, or disconnect the clients", Reason.BlockedBySessions)
            : new("PoolerReady", CheckStatus.Passed,
                string.Create(CultureInfo.InvariantCulture, $"pooler {pooler.Name} serves {pooler.Clients} clients by {pooler.PoolMode} from {pooler.PointsTo}"));
    }

    /// <summary>By whom a node was taken out of service, as an insertion; empty while it is in service, or for none.</summary>
    private static string OutOfService(ClusterView view, string? node) =>
        view.Nodes.FirstOrDefault(n => n.Name == node)?.Node.Suspended is { } suspended ? $", {suspended}," : "";

    /// <summary>A cluster that its clients have left can still be failed over, and its poolers are then nothing to it.</summary>
    internal static IEnumerable<PoolerObservation> PoolersInUse(ClusterView view) => view.Redirect is { State: RedirectState.Active } ? [] : view.Poolers;

    internal static IEnumerable<PreflightCheck> Redirected(ClusterView view)
    {
        if (view.Redirect is { } redirect)
        {
            yield return redirect.State == RedirectState.Active
                ? new(ClientsElsewhere, CheckStatus.Warning,
                    $"switchover {redirect.RunId} has moved the clients of {redirect.SourceDatabase} to {redirect}: "
                    + "the poolers stay as they are, and this moves a primary that clients do not use",
                    "see whether it is the other database that has to be moved")
                : new("SwitchoverPending", CheckStatus.Warning,
                    $"switchover {redirect.RunId} of {redirect.SourceDatabase} to {redirect} is announced and not done",
                    "see whether it still runs: the agent of the primary settles one that nobody goes on with");
        }
    }

    internal static IEnumerable<PreflightCheck> Proxies(ClusterView view) => PoolersInUse(view).Where(p => p is { Proxy: null, Pooler.IsPgcm: false }).Select(p => new PreflightCheck(
        "ProxyAlive", CheckStatus.Failed, $"no proxy follows the primary for pooler {p.Name}", $"start pgcluster proxy --pooler {p.Name}", Reason.PoolerUnreachable));

    /// <summary>
    /// The standbys that may leave the primary before it goes: those whose leaving makes no commit wait, because the target alone satisfies the policy. Nobody waits for one that is out of service.
    /// </summary>
    private static string Cascading(ClusterView view, string target, bool forced)
    {
        if (forced || view.Primary?.Postgres is not { } primary)
        {
            return "";
        }

        var policy = SynchronousPolicyRecord.Parse(view.Primary.Name, view.Primary.Node.Timeline, primary.SynchronousStandbyNames);
        var satisfied = policy.Count == 0 || (policy.Count == 1 && (policy.Standbys.Contains(target) || policy.Standbys.Contains("*")));
        return satisfied
            ? string.Join(",", view.Nodes.Where(n => n.Name != target && n.Node is { Role: NodeRole.Standby, State: NodeState.Running, Suspended: null }).Select(n => n.Name))
            : "";
    }

    private static PlanStep[] Steps(ClusterView view, NodeObservation? from, string target, bool forced, FailoverConfig options)
    {
        var poolers = string.Join(",", PoolersInUse(view).Where(p => p.Pooler.State != PoolerState.Unreachable).Select(p => p.Name));
        var toPause = string.Join(",", PoolersInUse(view).Where(p => p.Pooler.State == PoolerState.Active).Select(p => p.Name));

        // A primary that crashed has to be repaired before it can follow: its log may hold what the new primary does not have.
        var followers = string.Join(",", view.Nodes.Where(n => n.Name != target && n.Postgres is not null && (!forced || n.Node.Role == NodeRole.Standby)).Select(n => n.Name));
        var steps = new List<PlanStep>();
        void Add(string name, string description, string node, TimeSpan budget, string undo = "", bool final = false) =>
            steps.Add(new PlanStep(steps.Count + 1, name, description, node, budget.TotalSeconds, undo, final));

        Add(FailoverSteps.Lock, "take the cluster's lock and announce the operation", "", options.LockTimeout, "give the lock back, at the end in any case");
        Add(FailoverSteps.Recheck, "look once more whether the cluster is as this plan found it", "", options.HealthCheckTimeout);
        if (Cascading(view, target, forced) is { Length: > 0 } cascading)
        {
            Add(FailoverSteps.Cascade, $"let the other standbys stream from {target} already", cascading, options.FollowTimeout, $"let them stream from {from!.Name} again");
        }

        if (!forced)
        {
            Add(FailoverSteps.Checkpoint, $"checkpoint {from!.Name}, so that the one at shutdown is small", from.Name, options.MigrateTimeout);
        }

        if (toPause.Length > 0)
        {
            Add(FailoverSteps.Pause, "pause every pooler: clients wait", toPause, options.PauseTimeout + TimeSpan.FromSeconds(1), "resume them");
        }

        if (!forced)
        {
            Add(FailoverSteps.Stop, $"stop {from!.Name} (fast)", from.Name, options.MigrateTimeout, $"start {from.Name} again as the primary");
            Add(FailoverSteps.Prove, $"prove that {target} has replayed the shutdown checkpoint of {from.Name}", target, options.MigrateTimeout);
        }

        Add(FailoverSteps.Promote, $"decide for {target}, promote it and publish its address", target, options.MigrateTimeout, final: true);
        if (poolers.Length > 0)
        {
            Add(FailoverSteps.Repoint, $"wait until every pooler leads to {target}", poolers, options.ResumeTimeout);
        }

        if (toPause.Length > 0)
        {
            Add(FailoverSteps.Resume, "resume every pooler", toPause, options.ResumeTimeout);
        }

        Add(FailoverSteps.Publish, $"confirm that etcd names {target}", "", options.FollowTimeout);
        if (followers.Length > 0)
        {
            Add(FailoverSteps.Follow, $"make the other nodes standbys of {target}", followers, options.FollowTimeout);
        }

        return [.. steps];
    }
}
