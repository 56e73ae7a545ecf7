using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Synchronous;

namespace PgCluster.Engine.Membership;

/// <summary>Decides whether a streaming cluster may be taken under management, and by which steps. No step restarts a server.</summary>
public static class InitializePlanner
{
    /// <summary>From this version on a reload is enough for primary_conninfo.</summary>
    private const int ReloadableConnection = 130000;

    /// <summary>What initialising the cluster would do and whether it may.</summary>
    public static OperationPlan Plan(InitializeFacts facts, string id)
    {
        ArgumentNullException.ThrowIfNull(facts);
        var servers = facts.Nodes.Where(n => n.Survey is not null).Select(n => (n.Name, n.Node, Survey: n.Survey!)).ToArray();
        var primaries = servers.Where(n => n.Survey.Server is { Role: NodeRole.Primary, State: NodeState.Running }).ToArray();
        var primary = primaries is [var only] ? only.Node : null;
        PreflightCheck[] checks =
        [
            .. InitializeChecks.Store(facts, "there is nothing to do; see Test-PgCluster"), .. InitializeChecks.Agents(facts), .. OnePrimary(primaries.Select(p => p.Name).ToArray()), .. OneSystem(servers.Select(n => (n.Name, n.Survey)).ToArray()),
            .. Standbys(facts, primary), .. Names(facts, primary), .. Waiting(facts, primary), .. Settings(facts), .. Access(facts), .. InitializeChecks.OtherManagers(facts),
        ];
        var others = string.Join(",", facts.Config.Nodes.Select(n => n.Name).Where(n => n != primary?.Name));
        var renamed = Renamed(facts, primary).Select(n => n.Name).ToArray();
        var budget = (facts.Config.Agent.StateTtl + (10 * facts.Config.Agent.ProbeInterval)).TotalSeconds;
        List<PlanStep> steps =
        [
            Step(InitializeSteps.Lock, "take the cluster's lock", "", facts.Config.Failover.LockTimeout.TotalSeconds, "give it back"),
            Step(InitializeSteps.Recheck, "are the servers still as the plan found them?", string.Join(",", facts.Config.Nodes.Select(n => n.Name)), budget),
        ];
        if (renamed.Length > 0)
        {
            steps.Add(Step(InitializeSteps.Names, "let each standby stream under its node's name, by ALTER SYSTEM and a reload", string.Join(",", renamed), facts.Config.Failover.FollowTimeout.TotalSeconds));
        }

        steps.Add(Step(InitializeSteps.Identity, $"say that the cluster is database system {primaries.FirstOrDefault().Survey?.Server.SystemIdentifier}: its agents take over", "", facts.Config.Etcd.Timeout.TotalSeconds, noReturn: true));
        steps.Add(Step(InitializeSteps.Lead, $"wait until {primary?.Name} leads and is published", primary?.Name ?? "", budget));
        steps.Add(Step(InitializeSteps.Stream, "wait until every standby streams from it, and see that no server was restarted", others, facts.Config.Failover.FollowTimeout.TotalSeconds));
        return new OperationPlan
        {
            Id = id,
            Kind = "initialize",
            Cluster = facts.Config.Name,
            From = primary?.Name,
            To = primary?.Name,
            Revision = facts.Store.Revision,
            Checks = checks,
            Steps = checks.Any(c => c.Status == CheckStatus.Failed) ? [] : [.. steps.Select((s, i) => s with { Number = i + 1 })],
        };

        static PlanStep Step(string name, string what, string nodes, double seconds, string undo = "", bool noReturn = false) => new(0, name, what, nodes, seconds, undo, noReturn);
    }

    private static IEnumerable<PreflightCheck> OnePrimary(string[] primaries)
    {
        yield return primaries switch
        {
            [var only] => new("OnePrimary", CheckStatus.Passed, $"{only} runs as the primary"),
            [] => new("OnePrimary", CheckStatus.Failed, "no node runs as a primary", "start the primary: which one that is, nobody but you can know", Reason.NoPrimary),
            _ => new("OnePrimary", CheckStatus.Failed, $"{string.Join(" and ", primaries)} run as primaries", "stop the one that must not be it, and make it a standby", Reason.SplitBrain),
        };
    }

    private static IEnumerable<PreflightCheck> OneSystem((string Name, NodeSurvey Survey)[] nodes)
    {
        var systems = nodes.ToLookup(n => n.Survey.Server.SystemIdentifier ?? "unknown", n => n.Name);
        yield return systems.Count <= 1
            ? new("OneSystem", CheckStatus.Passed, $"every server is of database system {systems.FirstOrDefault()?.Key}")
            : new("OneSystem", CheckStatus.Failed, string.Join("; ", systems.Select(s => $"{string.Join(", ", s)}: {s.Key}")), "take out of the configuration what is of another cluster", Reason.ForeignServer);
    }

    private static IEnumerable<PreflightCheck> Standbys(InitializeFacts facts, NodeConfig? primary)
    {
        var server = facts.Nodes.FirstOrDefault(n => n.Name == primary?.Name)?.Survey?.Server;
        foreach (var (node, survey) in facts.Nodes.Where(n => n.Name != primary?.Name && n.Survey is { Server.Role: not NodeRole.Primary }).Select(n => (n, n.Survey!)))
        {
            yield return survey.Server switch
            {
                { State: NodeState.Running } standby when server is null || standby.Timeline == server.Timeline =>
                    new("StandbyStreams", CheckStatus.Passed, $"{node.Name} streams from {standby.UpstreamAddress} as {survey.StreamsAs}"),
                { State: NodeState.Running } standby => new("StandbyStreams", CheckStatus.Failed,
                    string.Create(CultureInfo.InvariantCulture, $"{node.Name} is on timeline {standby.Timeline}, the primary on {server.Timeline}"), "let it stream from the primary first", Reason.PostgresUnavailable),
                { State: NodeState.Stopped or NodeState.Crashed } => new("StandbyStreams", CheckStatus.Failed, $"{node.Name} does not run: {survey.Server.Evidence}", "start it", Reason.PostgresUnavailable),
                { Data: DataDirectoryState.Empty } => new("StandbyStreams", CheckStatus.Warning, $"{node.Name} has no server yet", "its agent makes a copy of the primary as soon as the cluster is initialised"),
                _ => new("StandbyStreams", CheckStatus.Failed, $"{node.Name} is {survey.Server.State}: {survey.Server.Evidence}", "let it stream from the primary first", Reason.PostgresUnavailable),
            };
        }
    }

    private static IEnumerable<SurveyedNode> Renamed(InitializeFacts facts, NodeConfig? primary) => facts.Nodes.Where(n =>
        n.Name != primary?.Name && n.Survey is { Server: { Role: NodeRole.Standby, State: NodeState.Running } } survey
        && (survey.StreamsAs != n.Name || (primary is not null && survey.Server.UpstreamAddress != $"{primary.Host}:{primary.Port.ToString(CultureInfo.InvariantCulture)}")));

    private static IEnumerable<PreflightCheck> Names(InitializeFacts facts, NodeConfig? primary)
    {
        var renamed = Renamed(facts, primary).ToArray();
        var old = renamed.Where(n => n.Survey!.VersionNumber < ReloadableConnection).ToArray();
        yield return old.Length > 0
            ? new("StreamingNames", CheckStatus.Failed,
                $"{string.Join(", ", old.Select(n => $"{n.Name} streams as {n.Survey!.StreamsAs} from {n.Survey.Server.UpstreamAddress}"))}, and before PostgreSQL 13 only a restart changes that",
                "set primary_conninfo with the node's name as application_name and the primary's host of the configuration, and restart it")
            : new("StreamingNames", CheckStatus.Passed, renamed.Length == 0
                ? "every standby streams from the primary under its node's name"
                : $"{string.Join(", ", renamed.Select(n => $"{n.Name} streams as {n.Survey!.StreamsAs} from {n.Survey.Server.UpstreamAddress}"))}: a reload changes that to its node's name and the configured host");
    }

    /// <summary>Whoever commits wait for must still be there under its new name.</summary>
    private static IEnumerable<PreflightCheck> Waiting(InitializeFacts facts, NodeConfig? primary)
    {
        if (facts.Nodes.FirstOrDefault(n => n.Name == primary?.Name)?.Survey?.Server is not { } server)
        {
            yield break;
        }

        var list = SynchronousList.Parse(server.SynchronousStandbyNames);
        string[] known = [.. facts.Config.Nodes.Select(n => n.Name).Where(n => n != primary!.Name && list.Names(n))];
        string[] strange = [.. list.Standbys.Where(s => s != "*" && facts.Config.Nodes.All(n => !string.Equals(n.Name, s, StringComparison.OrdinalIgnoreCase)))];
        var wanted = new SynchronousList(list.Method, list.Count, [.. list.Standbys, .. facts.Config.Nodes.Select(n => n.Name).Where(n => n != primary!.Name && !list.Names(n))]);
        yield return list.Count == 0 || list.Names("*") || known.Length >= list.Count
            ? new("SynchronousNames", strange.Length == 0 ? CheckStatus.Passed : CheckStatus.Warning,
                list.Count == 0 ? "commits wait for no standby" : $"commits wait as {server.SynchronousStandbyNames} says", strange.Length == 0 ? "" : $"{string.Join(", ", strange)} is no node's name: take it out")
            : new("SynchronousNames", CheckStatus.Failed, $"commits wait as {server.SynchronousStandbyNames} says, which names too few nodes: they would wait for ever for a standby that streams under its node's name",
                $"on {primary!.Name} first: ALTER SYSTEM SET synchronous_standby_names = '{wanted.Text}'; SELECT pg_reload_conf()");
    }

    private static IEnumerable<PreflightCheck> Settings(InitializeFacts facts)
    {
        var running = facts.Nodes.Where(n => n.Survey is { VersionNumber: > 0 }).Select(n => (n.Name, Survey: n.Survey!)).ToArray();
        var hard = running.Where(n => !n.Survey.CanBeRewound).Select(n => n.Name).ToArray();
        yield return hard.Length == 0
            ? new("CanBeRewound", CheckStatus.Passed, "wal_log_hints or data checksums are on")
            : new("CanBeRewound", CheckStatus.Warning, $"wal_log_hints and data checksums are both off on {string.Join(", ", hard)}: a lost primary is copied anew instead of rewound", "set wal_log_hints = on; it takes effect with that server's next restart");
        var standbys = facts.Nodes.Count - 1;
        var few = running.Where(n => n.Survey.MaxWalSenders < standbys).ToArray();
        var tight = running.Where(n => n.Survey.MaxWalSenders < standbys + 2 || n.Survey.MaxReplicationSlots < standbys).ToArray();
        yield return few.Length > 0
            ? new("ReplicationLimits", CheckStatus.Failed,
                string.Join("; ", few.Select(n => string.Create(CultureInfo.InvariantCulture, $"max_wal_senders of {n.Name} is {n.Survey.MaxWalSenders}, and {standbys} standbys would stream from it"))), "raise it and restart that server")
            : tight.Length > 0
                ? new("ReplicationLimits", CheckStatus.Warning,
                    string.Join("; ", tight.Select(n => string.Create(CultureInfo.InvariantCulture, $"{n.Name} has max_wal_senders {n.Survey.MaxWalSenders} and max_replication_slots {n.Survey.MaxReplicationSlots}"))),
                    string.Create(CultureInfo.InvariantCulture, $"{standbys + 2} senders leave room for a copy, {standbys} slots for every standby; both take effect with the next restart"))
                : new("ReplicationLimits", CheckStatus.Passed, "senders and slots are enough for every standby and a copy");
    }

    private static IEnumerable<PreflightCheck> Access(InitializeFacts facts)
    {
        var refused = facts.Nodes.SelectMany(n => (n.Survey?.Links ?? []).SelectMany(l => new[]
        {
            l.Replication is null ? null : $"{n.Name} as a standby of {l.Node}: {l.Replication}",
            l.Superuser is null ? null : $"{n.Name} as {facts.Config.Postgres.User} at {l.Node}: {l.Superuser}",
        })).OfType<string>().ToArray();
        yield return refused.Length == 0
            ? new("ReplicationAccess", CheckStatus.Passed, $"every node gets into every other, as {facts.Config.Postgres.ReplicationUser} for replication and as {facts.Config.Postgres.User}")
            : new("ReplicationAccess", CheckStatus.Failed, string.Join("; ", refused),
                "whoever is the primary one day has to let the others in: see pg_hba.conf, the roles and postgres.password_file", Reason.AccessDenied);
    }
}
