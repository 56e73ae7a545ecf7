using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Synchronous;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Membership;

/// <summary>Decides whether a node may join, leave or change, and by which steps.</summary>
public static class MembershipPlanner
{
    /// <summary>What adding a node would do and whether it may.</summary>
    public static OperationPlan Add(MembershipFacts facts, AddNodeRequest request, string id)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(request);
        PreflightCheck[] checks = [.. Common(facts), .. WellFormed(request), .. Free(facts.Config, request), .. Rules(facts.Config, facts.With(request.Name, RecordOf(request)))];
        var primary = facts.View.Primary?.Name;
        var others = string.Join(",", facts.Config.Nodes.Select(n => n.Name));
        var timing = facts.Config;
        return Plan("add-node", facts, id, checks, [
            new(1, MembershipSteps.Member, $"make {request.Name} at {request.Host}:{request.Port} a member", request.Name, timing.Failover.LockTimeout.TotalSeconds, "take that back"),
            new(2, MembershipSteps.Agents, "wait until every agent works with it", others, Budget(timing)),
            .. request.Wait
                ? [new PlanStep(3, MembershipSteps.Stream, $"wait until its agent has made {request.DataDirectory} a copy of {primary} and it streams", request.Name, request.Timeout.TotalSeconds)]
                : Array.Empty<PlanStep>(),
        ]);
    }

    /// <summary>What removing a node would do and whether it may.</summary>
    public static OperationPlan Remove(MembershipFacts facts, RemoveNodeRequest request, string id)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(request);
        var node = facts.Config.Nodes.FirstOrDefault(n => n.Name == request.Name);
        PreflightCheck[] checks = node is null
            ? [Unknown(facts, request.Name)]
            : [.. Common(facts), .. NotInCharge(facts.View, request.Name), .. Durable(facts, request.Name), .. Beside(facts.Config, request.Name),
                .. Rules(facts.Config, facts.With(request.Name, new MemberRecord { Removed = true }))];
        var others = string.Join(",", facts.Config.Nodes.Select(n => n.Name).Where(n => n != request.Name));
        List<PlanStep> steps = [Step(MembershipSteps.Lock, "take the cluster's lock", "", facts.Config.Failover.LockTimeout.TotalSeconds, "give it back")];
        if (Waits(facts.Config))
        {
            steps.Add(Step(MembershipSteps.Policy, $"let no commit wait for {request.Name} any more: others take its place before it goes", facts.View.Primary?.Name ?? "",
                SettledBudget(facts.Config), "let commits wait for it again"));
        }

        steps.Add(Step(MembershipSteps.Remove, $"say that {request.Name} is no member any more", request.Name, facts.Config.Etcd.Timeout.TotalSeconds, noReturn: true));
        steps.Add(Step(MembershipSteps.Agents, "wait until every agent works without it", others, Budget(facts.Config)));
        if (request.StopServer)
        {
            steps.Add(Step(MembershipSteps.Stop, "its agent stops its server: wait until that streams no more", request.Name, facts.Config.Failover.FollowTimeout.TotalSeconds));
        }

        return Plan("remove-node", facts, id, checks, [.. steps.Select((s, i) => s with { Number = i + 1 })]);

        static PlanStep Step(string name, string what, string nodes, double budget, string undo = "", bool noReturn = false) => new(0, name, what, nodes, budget, undo, noReturn);
    }

    /// <summary>
    /// What changing a node would do and whether it may. Without steps and without a check that failed there is nothing to change. No primary is asked for: when the only one that is
    /// left must not lead, this is how a person lets it.
    /// </summary>
    public static OperationPlan Set(MembershipFacts facts, SetNodeRequest request, string id)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(request);
        if (facts.Config.Nodes.FirstOrDefault(n => n.Name == request.Name) is not { } node)
        {
            return Plan("set-node", facts, id, [Unknown(facts, request.Name)], []) with { Node = request.Name };
        }

        var record = NodeSettings.Change(facts.Members.Records.GetValueOrDefault(node.Name) ?? new MemberRecord(), RecordOf(request));
        var after = facts.With(node.Name, record);
        var changed = after.Nodes.Single(n => n.Name == node.Name);
        var differences = NodeSettings.Differences(node, changed);
        var retires = changed.NoFailover && !node.NoFailover;
        PreflightCheck[] checks =
        [
            .. Managed(facts), WellFormed(request), .. retires ? Retired(facts, after, node.Name) : [], .. Rules(facts.Config, after),
        ];
        List<PlanStep> steps = [];
        if (differences.Count > 0)
        {
            var all = string.Join(",", after.Nodes.Select(n => n.Name));
            steps.Add(new(1, MembershipSteps.Set, string.Join(", ", differences), node.Name, facts.Config.Failover.LockTimeout.TotalSeconds, "take that back"));
            steps.Add(new(2, MembershipSteps.Agents, "wait until every agent works with it", all, Budget(facts.Config)));
        }

        if (retires && Waits(facts.Config) && facts.View.Primary is { } primary && primary.Name != node.Name)
        {
            steps.Add(new(3, MembershipSteps.Synchronous, $"wait until no commit waits for {node.Name} any more: others take its place before it goes", primary.Name, SettledBudget(facts.Config)));
        }

        return Plan("set-node", facts, id, checks, steps) with { Node = node.Name };
    }

    /// <summary>The record of a node that is added.</summary>
    internal static MemberRecord RecordOf(AddNodeRequest request) => new()
    {
        Host = request.Host,
        Port = request.Port,
        Agent = request.Agent,
        Http = request.Http,
        DataDirectory = request.DataDirectory,
        LogFile = request.LogFile,
        FailureDomain = request.FailureDomain,
        Weight = request.Weight,
        NoFailover = request.NoFailover,
        By = request.Actor,
    };

    /// <summary>Of a node that is changed what was asked for, and nothing else.</summary>
    internal static MemberRecord RecordOf(SetNodeRequest request) => new()
    {
        FailureDomain = request.FailureDomain, Weight = request.Weight, NoFailover = request.NoFailover, By = request.Actor,
    };

    private static bool Waits(ClusterConfig config) => config.Synchronous.Mode is not (SynchronousMode.Manual or SynchronousMode.Performance);

    private static double SettledBudget(ClusterConfig config) => SynchronousPolicyRule.Settled.TotalSeconds + (2 * Budget(config));

    /// <summary>Until every agent has noticed a change and begun anew with it.</summary>
    private static double Budget(ClusterConfig config) => (config.Agent.StateTtl + (10 * config.Agent.ProbeInterval) + ClusterMembership.LongestDrain).TotalSeconds;

    private static OperationPlan Plan(string kind, MembershipFacts facts, string id, PreflightCheck[] checks, IReadOnlyList<PlanStep> steps) => new()
    {
        Id = id,
        Kind = kind,
        Cluster = facts.Config.Name,
        From = facts.View.Primary?.Name,
        To = facts.View.Primary?.Name,
        Revision = facts.Members.Revision,
        Checks = checks,
        Steps = checks.Any(c => c.Status == CheckStatus.Failed) ? [] : steps,
    };

    private static PreflightCheck Unknown(MembershipFacts facts, string name) => new(
        "NodeKnown", CheckStatus.Failed, $"no node is named {name}; there are {string.Join(", ", facts.Config.Nodes.Select(n => n.Name))}", "see Get-PgClusterNode", Reason.NodeNotFound);

    private static IEnumerable<PreflightCheck> Managed(MembershipFacts facts)
    {
        yield return facts.View.Store.HasQuorum
            ? new("StoreQuorum", CheckStatus.Passed, "a linearizable read is answered")
            : new("StoreQuorum", CheckStatus.Failed, "a linearizable read fails", "bring etcd's majority back first: without it nothing may change", Reason.NoQuorum);
        yield return facts.Initialized
            ? new("Initialized", CheckStatus.Passed, "the cluster is under management")
            : new("Initialized", CheckStatus.Failed, "the cluster is not under management yet", "run Initialize-PgCluster first", Reason.NotInitialized);
    }

    private static IEnumerable<PreflightCheck> Common(MembershipFacts facts)
    {
        foreach (var check in Managed(facts))
        {
            yield return check;
        }

        yield return facts.View.RunningPrimaries.Select(n => n.Name).ToArray() switch
        {
            [var only] => new("OnePrimary", CheckStatus.Passed, $"{only} runs as the primary"),
            [] => new("OnePrimary", CheckStatus.Failed, facts.View.NoPrimaryEvidence, "see Get-PgClusterNode; change the nodes when there is a primary", Reason.NoPrimary),
            var several => new("OnePrimary", CheckStatus.Failed, $"{string.Join(" and ", several)} run as primaries", "stop the one that does not lead", Reason.SplitBrain),
        };
    }

    private static IEnumerable<PreflightCheck> WellFormed(AddNodeRequest request)
    {
        var wrong = new[]
        {
            ConfigKinds.Name.Parse(request.Name, null).Expected is { } name ? $"the name '{request.Name}' is not {name}" : null,
            HostPort.IsHost(request.Host) ? null : $"the host '{request.Host}' is no host name and no address",
            HostPort.IsPort(request.Port) ? null : string.Create(CultureInfo.InvariantCulture, $"{request.Port} is no TCP port"),
            HostPort.TryParse(request.Agent) is null ? $"the agent's address '{request.Agent}' is not host:port" : null,
            HostPort.TryParse(request.Http) is null ? $"the HTTP address '{request.Http}' is not host:port" : null,
            request.DataDirectory.StartsWith('/') ? null : $"the data directory '{request.DataDirectory}' is no full path",
            request.Timeout > TimeSpan.Zero ? null : "the time it may take is not more than 0",
        }.OfType<string>().ToArray();
        yield return wrong.Length == 0
            ? new("WellFormed", CheckStatus.Passed, "name, addresses and data directory are well formed")
            : new("WellFormed", CheckStatus.Failed, string.Join("; ", wrong), "correct it", Reason.InvalidArgument);
    }

    private static IEnumerable<PreflightCheck> Free(ClusterConfig config, AddNodeRequest request)
    {
        if (config.Nodes.FirstOrDefault(n => string.Equals(n.Name, request.Name, StringComparison.OrdinalIgnoreCase)) is { } same)
        {
            yield return new("NameIsFree", CheckStatus.Failed, $"{same.Name} is a member already, at {same.Host}:{same.Port}", "choose another name, or remove that one first", Reason.InvalidArgument);
            yield break;
        }

        yield return new("NameIsFree", CheckStatus.Passed, $"no member is named {request.Name}");
        var taken = config.Nodes.SelectMany(n => new[] { (n.Name, Address: new HostPort(n.Host, n.Port)), (n.Name, Address: n.Agent), (n.Name, Address: n.Http) }).ToLookup(a => a.Address, a => a.Name);
        HostPort?[] wanted = [new HostPort(request.Host, request.Port), HostPort.TryParse(request.Agent), HostPort.TryParse(request.Http)];
        var clash = wanted.OfType<HostPort>().Where(taken.Contains).Select(a => $"{a} is of {taken[a].First()}")
            .Concat(wanted.Distinct().Count() < wanted.Length ? ["PostgreSQL, agent API and HTTP need an address each"] : Array.Empty<string>()).ToArray();
        yield return clash.Length == 0
            ? new("AddressIsFree", CheckStatus.Passed, "no member uses its addresses")
            : new("AddressIsFree", CheckStatus.Failed, string.Join("; ", clash), "give each its own", Reason.InvalidArgument);
    }

    /// <summary>What would be wrong with the configuration afterwards, and is not now.</summary>
    private static IEnumerable<PreflightCheck> Rules(ClusterConfig before, ClusterConfig after)
    {
        var known = ConfigRules.Check(before).Select(v => v.Message).ToHashSet(StringComparer.Ordinal);
        var broken = ConfigRules.Check(after).Select(v => v.Message).Where(m => !known.Contains(m)).ToArray();
        yield return broken.Length == 0
            ? new("Configuration", CheckStatus.Passed, "the configuration holds together with these nodes")
            : new("Configuration", CheckStatus.Failed, string.Join("; ", broken), "change the configuration first", Reason.InvalidConfiguration);
    }

    private static IEnumerable<PreflightCheck> NotInCharge(ClusterView view, string name)
    {
        var leads = view.Leader?.Node == name;
        yield return leads || view.RunningPrimaries.Any(n => n.Name == name)
            ? new("NotThePrimary", CheckStatus.Failed, $"{name} {(leads ? "leads" : "runs as a primary")}", "move the primary role first: Invoke-PgFailover", Reason.TargetNotEligible)
            : new("NotThePrimary", CheckStatus.Passed, $"{view.Leader?.Node ?? view.Primary?.Name} leads");
    }

    private static PreflightCheck WellFormed(SetNodeRequest request) => request switch
    {
        { FailureDomain: null, Weight: null, NoFailover: null } => new(
            "WellFormed", CheckStatus.Failed, "nothing is given that could be set", "give a failure domain, a weight or whether it may lead", Reason.InvalidArgument),
        { FailureDomain: { } domain } when ConfigKinds.Text.Parse(domain, null).Expected is { } text => new(
            "WellFormed", CheckStatus.Failed, $"the failure domain is not {text}", "correct it", Reason.InvalidArgument),
        _ => new("WellFormed", CheckStatus.Passed, "there is something to set"),
    };

    /// <summary>What it means that a node must not lead any more.</summary>
    private static IEnumerable<PreflightCheck> Retired(MembershipFacts facts, ClusterConfig after, string name)
    {
        var primary = facts.View.Leader?.Node ?? facts.View.Primary?.Name;
        var left = after.Nodes.Where(n => !n.NoFailover).Select(n => n.Name).ToArray();
        yield return left switch
        {
            [] => new("SomebodyMayLead", CheckStatus.Failed, $"no node could lead: {name} is the only one that may", "let another one lead first; Suspend-PgCluster keeps agents from failing over for a while",
                Reason.NoEligibleCandidate),
            [var only] when only == primary => new("SomebodyMayLead", CheckStatus.Warning, $"only {only} may lead then, which does: nobody takes over when it is lost", "let another one lead too"),
            [var only] => new("SomebodyMayLead", CheckStatus.Warning, $"only {only} may lead then", "let another one lead too"),
            _ => new("SomebodyMayLead", CheckStatus.Passed, $"{string.Join(", ", left)} may lead"),
        };
        if (name == primary)
        {
            yield return new("NotThePrimary", CheckStatus.Warning, $"{name} leads, and goes on until it is moved or lost; it is not elected again then", "move the primary: Invoke-PgFailover");
        }
        else if (facts.Config.Synchronous.Mode == SynchronousMode.Manual && facts.View.Primary is { Postgres: { } server } && SynchronousList.Parse(server.SynchronousStandbyNames).Names(name))
        {
            yield return new("NotWaitedFor", CheckStatus.Warning, $"synchronous_standby_names of {primary} names {name}: what only it acknowledged would be lost with {primary}", "take it out of the list, on every node");
        }
    }

    private static IEnumerable<PreflightCheck> Durable(MembershipFacts facts, string name)
    {
        if (facts.Config.Synchronous.Mode != SynchronousMode.Manual || facts.View.Primary?.Postgres is not { } primary)
        {
            yield break;
        }

        // Nobody but the operator changes this list.
        var list = SynchronousList.Parse(primary.SynchronousStandbyNames);
        var left = facts.Config.Nodes.Count(n => n.Name != name && n.Name != facts.View.Primary.Name && list.Names(n.Name));
        yield return !list.Names(name) || list.Names("*")
            ? new("NotWaitedFor", CheckStatus.Passed, $"synchronous_standby_names of {facts.View.Primary.Name} does not name {name}")
            : left < list.Count
                ? new("NotWaitedFor", CheckStatus.Failed, $"synchronous_standby_names of {facts.View.Primary.Name} is {primary.SynchronousStandbyNames}: without {name} commits would wait for ever", "change it first")
                : new("NotWaitedFor", CheckStatus.Warning, $"synchronous_standby_names of {facts.View.Primary.Name} still names {name}", "take it out of the list, on every node");
    }

    private static IEnumerable<PreflightCheck> Beside(ClusterConfig config, string name)
    {
        foreach (var pooler in config.Poolers.Where(p => p.Node == name))
        {
            yield return new("PoolerBeside", CheckStatus.Warning, $"nobody pauses pooler {pooler.Name} any more, which stands beside {name}", "lead clients elsewhere and stop it");
        }

        if (!config.Nodes.Any(n => n.Name != name && !n.NoFailover) || config.Nodes.Count(n => n.Name != name) < 2)
        {
            yield return new("SuccessorLeft", CheckStatus.Warning, "no standby is left that could take over", "add another node");
        }
    }
}
