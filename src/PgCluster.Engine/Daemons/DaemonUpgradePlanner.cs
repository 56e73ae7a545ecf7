using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Daemons;

/// <summary>
/// Decides which daemons are followed by new processes, and in which order: every one is rehearsed before the first is followed; proxies and observers come first, then the agents of standbys, and the primary's
/// last, when everything else has shown that the new version works. Pure.
/// </summary>
public static class DaemonUpgradePlanner
{
    /// <summary>Longest wait for a successor: for its start, for the work that has to come to an end, and for the takeover.</summary>
    public static readonly TimeSpan ToFollow = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan ToEnd = TimeSpan.FromSeconds(30);

    /// <summary>Judges and plans.</summary>
    /// <param name="view">The cluster.</param>
    /// <param name="census">Its daemons.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="config">The cluster's configuration.</param>
    /// <param name="id">Id of the plan.</param>
    public static OperationPlan Assess(ClusterView view, DaemonCensus census, DaemonUpgradeRequest request, ClusterConfig config, string id)
    {
        var chosen = Chosen(census, request).OrderBy(d => Rank(d.Name, view.Primary?.Name)).ThenBy(d => d.Name, StringComparer.Ordinal).ToArray();
        PreflightCheck[] checks =
        [
            CommonChecks.Quorum(view),
            CommonChecks.LockFree(view),
            .. Unknown(census, request),
            .. census.Silent.Select(s => new PreflightCheck("KeeperAnswers", CheckStatus.Warning, s.Message, "what runs there stays as it is")),
            .. chosen.GroupBy(d => d.Name).Where(same => same.Count() > 1).Select(same => new PreflightCheck(
                "OneOfEach", CheckStatus.Failed, $"{same.Key} runs on {string.Join(" and ", same.Select(d => $"{d.Machine} (pid {d.Pid})"))}", "end the one that is not meant to be", Reason.PreflightFailed)),
            .. chosen.Select(Followable),
            .. census.Alive.Where(d => d.State != DaemonState.Running && chosen.Any(c => c.Name == d.Name)).Select(d => new PreflightCheck(
                "NoneAtIt", CheckStatus.Failed, $"pid {d.Pid} of {d.Name} is {d.State}", "wait until it has ended or is at work: Get-PgDaemon shows it", Reason.LockHeld)),
        ];
        var ready = chosen.Length > 0 && checks.All(c => c.Status != CheckStatus.Failed);
        return new OperationPlan
        {
            Id = id,
            Kind = "upgrade",
            Cluster = config.Name,
            Node = chosen.Length == 0 ? null : string.Join(",", chosen.Select(d => d.Name)),
            From = view.Primary?.Name,
            Revision = view.PublishedPrimary?.ModRevision ?? 0,
            Steps = ready ? Steps(chosen, request.DrainTimeout ?? config.Agent.DrainTimeout, config) : [],
            Checks = checks,
        };
    }

    /// <summary>The daemons at work that were asked for.</summary>
    public static IEnumerable<ClusterDaemon> Chosen(DaemonCensus census, DaemonUpgradeRequest request) =>
        census.AtWork.Select(s => s.Daemon).Where(d => request.Names is null || request.Names.Contains(d.Name));

    private static IEnumerable<PreflightCheck> Unknown(DaemonCensus census, DaemonUpgradeRequest request) => (request.Names ?? []).Where(name => census.AtWork.All(s => s.Daemon.Name != name)).Select(name => new PreflightCheck(
        "DaemonKnown", CheckStatus.Failed, $"no daemon {name} is at work; there are {string.Join(", ", census.AtWork.Select(s => s.Daemon.Name))}", "name one of these, or start it", Reason.InvalidArgument));

    private static PreflightCheck Followable(ClusterDaemon daemon) => daemon.CanBeFollowed
        ? new("CanBeFollowed", CheckStatus.Passed, string.Create(CultureInfo.InvariantCulture, $"{daemon.Name} on {daemon.Machine} (pid {daemon.Pid}, {daemon.Version}) is followed by {daemon.Program}"))
        : new("CanBeFollowed", CheckStatus.Failed, $"{daemon.Name} on {daemon.Machine} gives its sockets to nobody: agent.handoff_directory is empty there",
            "set it and restart the daemon once, or leave it out", Reason.NotSupportedHere);

    private static int Rank(string name, string? primary) => (name.StartsWith("supervise-", StringComparison.Ordinal), name == $"supervise-{primary}") switch
    {
        (false, _) => 0,
        (true, false) => 1,
        _ => 2,
    };

    private static PlanStep[] Steps(IReadOnlyList<ClusterDaemon> chosen, TimeSpan drain, ClusterConfig config)
    {
        var steps = new List<PlanStep> { OperationLock.Plan(config.Failover) };
        void Add(string name, string description, string node, TimeSpan budget) => steps.Add(new PlanStep(steps.Count + 1, name, description, node, budget.TotalSeconds));

        foreach (var daemon in chosen)
        {
            Add(DaemonUpgradeSteps.Rehearse, $"start {daemon.Program} to see whether it could take over", daemon.Name, ToFollow);
        }

        foreach (var daemon in chosen)
        {
            Add(DaemonUpgradeSteps.Follow, string.Create(CultureInfo.InvariantCulture, $"let pid {daemon.Pid} ({daemon.Version}) on {daemon.Machine} start {daemon.Program}, and wait until that is at work"), daemon.Name, ToFollow);
            Add(DaemonUpgradeSteps.Drain, string.Create(CultureInfo.InvariantCulture, $"wait until pid {daemon.Pid} has ended: connections may go on for {drain.TotalSeconds:0.###} s"), daemon.Name, drain + ToEnd);
        }

        return [.. steps];
    }
}
