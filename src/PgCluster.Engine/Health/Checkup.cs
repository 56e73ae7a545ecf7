using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Pacemaker;
using PgCluster.Engine.Rejoin;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Health;

/// <summary>Says what is wrong with a cluster, and what is not wrong yet: each check with what was seen and what to do about it.</summary>
public static class Checkup
{
    /// <summary>How far a clock may be off.</summary>
    public static readonly TimeSpan ClockLimit = TimeSpan.FromSeconds(1);

    /// <summary>How long a standby may wait before it tries its upstream again.</summary>
    public static readonly TimeSpan RetrieveRetryLimit = TimeSpan.FromSeconds(1);

    /// <summary>Every check.</summary>
    public static IReadOnlyList<PreflightCheck> Run(CheckupFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return [.. Store(facts.View.Store), .. Agents(facts.View), .. Primary(facts), .. Standbys(facts.View), .. Agreement(facts), .. Clocks(facts), .. Automation(facts), .. Servers(facts), .. PoolerCheckup.Run(facts)];
    }

    /// <summary>True when nothing failed; warnings are for people.</summary>
    public static bool IsSound(IEnumerable<PreflightCheck> checks) => checks.All(c => c.Status != CheckStatus.Failed);

    private static IEnumerable<PreflightCheck> Store(StoreHealth store)
    {
        var healthy = store.Endpoints.Count(e => e.Healthy);
        var seen = string.Create(CultureInfo.InvariantCulture, $"{healthy} of {store.Endpoints.Count} endpoints answer and know a leader");
        yield return store.HasQuorum
            ? new("StoreQuorum", CheckStatus.Passed, $"a linearizable read is answered; {seen}")
            : new("StoreQuorum", CheckStatus.Failed, $"a linearizable read fails; {seen}", "bring etcd's majority back first: without it nothing may change", Reason.NoQuorum);
        foreach (var endpoint in store.Endpoints.Where(e => !e.Healthy))
        {
            yield return new("StoreEndpoint", CheckStatus.Warning, $"{endpoint.Endpoint}: {endpoint.Detail}", "bring this member back: the next loss may cost the quorum", Reason.StoreUnavailable);
        }
    }

    private static IEnumerable<PreflightCheck> Agents(ClusterView view)
    {
        var silent = view.Nodes.Where(n => !n.Answers).ToArray();
        if (silent.Length == 0)
        {
            yield return new("AgentAnswers", CheckStatus.Passed, string.Create(CultureInfo.InvariantCulture, $"all {view.Nodes.Count} agents answer"));
        }

        foreach (var (node, address) in view.Nodes.Select(n => (n.Node, n.Address)).Where(n => n.Address is not null && n.Address != new PrimaryAddress(n.Node.Host, n.Node.Port).ToHostAndPort()))
        {
            yield return new("NodeAddress", CheckStatus.Warning, $"the agent of {node.Name} has its server at {address}, the configuration here at {new PrimaryAddress(node.Host, node.Port).ToHostAndPort()}",
                "use one configuration everywhere: clients are led to what the agent says", Reason.InvalidConfiguration);
        }

        foreach (var node in view.Nodes.Where(n => n.IsPgcm))
        {
            yield return new("AgentOfOurs", CheckStatus.Warning, $"the agent of {node.Name} is pgsql-cluster-manager's: {node.Node.Evidence}", $"start pgcluster supervise on {node.Name} in place of pgcm supervise", Reason.ForeignAgent);
        }

        foreach (var node in silent)
        {
            yield return new("AgentAnswers", CheckStatus.Failed, $"the agent of {node.Name} does not answer: {node.Node.Evidence}", $"start pgcluster supervise on {node.Name}, or bring the host back", Reason.AgentUnreachable);
        }
    }

    private static IEnumerable<PreflightCheck> Primary(CheckupFacts facts)
    {
        var view = facts.View;
        var running = view.RunningPrimaries.Select(n => n.Name).ToArray();
        yield return running switch
        {
            [var only] => new("OnePrimary", CheckStatus.Passed, string.Create(CultureInfo.InvariantCulture, $"{only} runs as the primary on timeline {view.Primary!.Node.Timeline}")),
            [] => new("OnePrimary", CheckStatus.Failed, view.NoPrimaryEvidence, "see Invoke-PgElection -WhatIf for who could, and Get-PgClusterHistory for what happened", Reason.NoPrimary),
            _ => new("OnePrimary", CheckStatus.Failed, $"{string.Join(" and ", running)} run as primaries", "stop the one that does not lead", Reason.SplitBrain),
        };
        if (!view.Store.HasQuorum)
        {
            yield break;
        }

        var published = view.PublishedNode?.Name;
        yield return published is not null && published == view.Primary?.Name
            ? new("PublishedPrimary", CheckStatus.Passed, $"etcd names {published}, {view.PublishedPrimary!.Value}")
            : new("PublishedPrimary", CheckStatus.Failed, $"etcd names {published ?? view.PublishedPrimary?.Value ?? "nobody"} while {(running.Length == 0 ? "nobody" : string.Join(" and ", running))} runs as the primary",
                "clients are led there: see the log of that node's agent");
        if (facts.Config.Manager != ClusterManager.Native || !facts.StoreWasRead)
        {
            yield break;
        }

        yield return facts.Leader switch
        {
            null => new("OneLeader", CheckStatus.Failed, "nobody holds the leadership", "see Invoke-PgElection -WhatIf for who could take it", Reason.NoPrimary),
            var leader when leader.Node == view.Primary?.Name => new("OneLeader", CheckStatus.Passed, $"{leader.Node} leads"),
            var leader => new("OneLeader", CheckStatus.Failed, $"{leader.Node} leads while {view.Primary?.Name ?? "nobody"} runs as the primary", $"see the log of the agent of {leader.Node}"),
        };
        if (facts.LastLeader is { Unguarded: true } last && last.Node == facts.Leader?.Node)
        {
            yield return new("LeaderGuarded", CheckStatus.Warning, $"nothing stops the server of {last.Node} when its lease ends", "normal while nobody is to be replaced; else start its agent again");
        }
        else if (facts.Leader is { } leader)
        {
            yield return new("LeaderGuarded", CheckStatus.Passed, $"the server of {leader.Node} is stopped in time when its lease cannot be renewed, as its agent says");
        }
    }

    private static IEnumerable<PreflightCheck> Standbys(ClusterView view)
    {
        var primary = view.Primary;
        foreach (var node in view.Nodes.Where(n => n.Answers && n.Name != primary?.Name))
        {
            var status = node.Node;
            yield return (status.State, status.Role) switch
            {
                (NodeState.Running, NodeRole.Standby) when primary is null || status.Timeline == primary.Node.Timeline =>
                    new("StandbyStreams", CheckStatus.Passed, string.Create(CultureInfo.InvariantCulture, $"{node.Name} streams from {status.Upstream ?? "its primary"} on timeline {status.Timeline}, {status.LagBytes ?? 0} bytes behind")),
                (NodeState.Running, NodeRole.Standby) => new("StandbyStreams", CheckStatus.Failed,
                    string.Create(CultureInfo.InvariantCulture, $"{node.Name} streams on timeline {status.Timeline}, the primary writes timeline {primary.Node.Timeline}"),
                    "it follows somebody else: its agent repairs it, or see its log", Reason.PostgresUnavailable),
                (NodeState.Running, NodeRole.Primary) => new("StandbyStreams", CheckStatus.Failed, $"{node.Name} is no standby: {status.Evidence}", "stop it, unless it leads", Reason.SplitBrain),
                _ => new("StandbyStreams", CheckStatus.Failed, $"{node.Name} is {status.State}: {status.Evidence}", "its agent repairs it; if it does not within a minute, see the agent's log and the server's", Reason.PostgresUnavailable),
            };
        }

        if (primary?.Postgres is { } server)
        {
            // Of those that the agents keep themselves they bound what is kept (rejoin.slot_wal_limit).
            var others = server.Slots.Count(s => s.Logical || !s.Name.StartsWith(SlotName.Prefix, StringComparison.Ordinal));
            yield return server switch
            {
                _ when others == 0 => new("SlotRetention", CheckStatus.Passed, "no slot of others keeps WAL"),
                { SlotWalKeepMegabytes: null } => new("SlotRetention", CheckStatus.Warning, "the agent does not say how much WAL slots may keep", "use an agent of this version"),
                { SlotWalKeepMegabytes: < 0 } => new("SlotRetention", CheckStatus.Warning,
                    string.Create(CultureInfo.InvariantCulture, $"{others} slots of {primary.Name} may keep WAL until the disk is full (max_slot_wal_keep_size = -1)"),
                    "set max_slot_wal_keep_size to what the disk can spare"),
                { SlotWalKeepMegabytes: var limit } => new("SlotRetention", CheckStatus.Passed, string.Create(CultureInfo.InvariantCulture, $"slots keep at most {limit} MiB of WAL")),
            };
        }
    }

    private static IEnumerable<PreflightCheck> Agreement(CheckupFacts facts)
    {
        if (facts.Consensus is not { } consensus)
        {
            yield return new("Consensus", CheckStatus.Failed, "what the observers agree on cannot be read", "bring etcd back", Reason.StoreUnavailable);
            yield break;
        }

        if (!consensus.HasQuorum)
        {
            yield return new("Consensus", CheckStatus.Failed,
                string.Create(CultureInfo.InvariantCulture, $"{consensus.Present.Count} of {consensus.Voters.Count} observers speak, {consensus.Needed} are needed"),
                "start the agents, or see Get-PgQuorum for who is missing", Reason.NoQuorum);
        }

        var sick = consensus.Verdicts.Where(v => !v.IsHealthy).ToArray();
        foreach (var verdict in sick)
        {
            yield return new("Consensus", CheckStatus.Failed, verdict.ToString(), $"see Get-PgNodeHealth {verdict.Node}", Reason.PostgresUnavailable);
        }

        if (consensus.HasQuorum && sick.Length == 0)
        {
            yield return new("Consensus", CheckStatus.Passed,
                string.Create(CultureInfo.InvariantCulture, $"{consensus.Present.Count} of {consensus.Voters.Count} observers speak and call every node healthy"));
        }
    }

    private static IEnumerable<PreflightCheck> Clocks(CheckupFacts facts)
    {
        var off = facts.ClockOffsets.Where(c => c.Value.Duration() > ClockLimit).OrderBy(c => c.Key, StringComparer.Ordinal).ToArray();
        foreach (var (node, offset) in off)
        {
            yield return new("Clock", CheckStatus.Warning,
                string.Create(CultureInfo.InvariantCulture, $"the clock of {node} is at least {offset.Duration().TotalSeconds:0.0} s {(offset > TimeSpan.Zero ? "ahead of" : "behind")} this machine's"),
                "let both follow the same time servers: histories and logs are read side by side");
        }

        if (off.Length == 0 && facts.ClockOffsets.Count > 0)
        {
            yield return new("Clock", CheckStatus.Passed,
                string.Create(CultureInfo.InvariantCulture, $"the clocks of {facts.ClockOffsets.Count} agents agree with this machine's to {ClockLimit.TotalSeconds:0} s"));
        }
    }

    private static IEnumerable<PreflightCheck> Automation(CheckupFacts facts)
    {
        if (facts.StoreWasRead)
        {
            yield return facts.Suspension is { } suspension
                ? new("NotSuspended", CheckStatus.Warning, $"{suspension.Owner} has suspended automatic failover until {suspension.Until.ToUniversalTime():u}: {suspension.Why}", "Resume-PgCluster ends it")
                : new("NotSuspended", CheckStatus.Passed, "automatic failover is not suspended");
        }

        foreach (var node in facts.View.Nodes.Where(n => n.Node.Suspended is not null))
        {
            yield return new("NodeInService", CheckStatus.Warning, $"{node.Name} is {node.Node.Suspended}", $"Resume-PgClusterNode {node.Name} puts it back");
        }

        if (facts.Config.Manager == ClusterManager.Pacemaker)
        {
            foreach (var check in PacemakerCheckup.Run(facts.View))
            {
                yield return check;
            }

            yield break;
        }

        yield return facts.Config.Failover.Mode == FailoverMode.Automatic
            ? new("AutomaticFailover", CheckStatus.Passed, "the agents replace a primary that is gone")
            : new("AutomaticFailover", CheckStatus.Warning, $"failover.mode is {facts.Config.Failover.Mode.ToString().ToLowerInvariant()}: a primary that is gone stays gone until somebody comes", "set failover.mode = \"automatic\"");
        yield return facts.Outlook switch
        {
            null => new("Successor", CheckStatus.Failed, "who would lead next cannot be found out", "bring etcd back", Reason.StoreUnavailable),

            // Nobody is to take over then, and the leader goes on without its guard: that somebody could is no promise that is broken.
            { Suspended: true } outlook when outlook.Winner is null || !outlook.Vouched =>
                new("Successor", CheckStatus.Warning, $"nobody is to take over now, and nobody could: {outlook.Evidence}", "it is checked anew when automatic failover is on again", Reason.NoEligibleCandidate),
            { Winner: null } outlook => new("Successor", CheckStatus.Failed, $"nobody could take over now: {outlook.Evidence}", "see Invoke-PgElection -WhatIf for what speaks against each", Reason.NoEligibleCandidate),
            { Vouched: false } outlook => new("Successor", CheckStatus.Failed, $"{outlook.Winner} would take over, but nobody vouches for every acknowledged commit: {outlook.Evidence}",
                "name synchronous standbys, or bring them back", Reason.DataLossNotAllowed),
            var outlook => new("Successor", CheckStatus.Passed, $"{outlook.Winner} would take over: {outlook.Evidence}"),
        };
    }

    private static IEnumerable<PreflightCheck> Servers(CheckupFacts facts)
    {
        var answering = facts.View.Nodes.Where(n => n.Node.State is NodeState.Running or NodeState.NotStreaming).ToArray();
        var unknown = answering.Where(n => !facts.Settings.ContainsKey(n.Name)).Select(n => n.Name).ToArray();
        if (unknown.Length > 0)
        {
            yield return new("ServerSettings", CheckStatus.Warning, $"the settings of {string.Join(", ", unknown)} cannot be read from here by SQL",
                "let the role of [postgres] log in from here, or run this on a node", Reason.PostgresUnavailable);
        }

        var asked = answering.Where(n => facts.Settings.ContainsKey(n.Name)).Select(n => (n.Name, n.Node.Role, Settings: facts.Settings[n.Name])).ToArray();
        var cannot = asked.Where(n => !n.Settings.CanBeRewound).Select(n => n.Name).ToArray();
        if (asked.Length > 0)
        {
            yield return cannot.Length == 0
                ? new("CanBeRewound", CheckStatus.Passed, "wal_log_hints or data checksums are on: pg_rewind can bring an old primary back")
                : new("CanBeRewound", CheckStatus.Warning, $"wal_log_hints and data checksums are both off on {string.Join(", ", cannot)}: pg_rewind cannot bring it back, it is cloned anew", "set wal_log_hints = on and restart");
        }

        var slow = asked.Where(n => n.Role == NodeRole.Standby && n.Settings.RetrieveRetry > RetrieveRetryLimit).ToArray();
        foreach (var (name, _, settings) in slow)
        {
            yield return new("RetrieveRetry", CheckStatus.Warning,
                string.Create(CultureInfo.InvariantCulture, $"{name} waits {settings.RetrieveRetry.TotalSeconds:0.###} s before it looks for its primary again (wal_retrieve_retry_interval)"),
                "set it to 1s or less: commits wait for a synchronous standby that does not stream yet");
        }

        if (slow.Length == 0 && asked.Any(n => n.Role == NodeRole.Standby))
        {
            yield return new("RetrieveRetry", CheckStatus.Passed, "standbys look for their primary again within 1 s");
        }
    }
}
