using System.Globalization;

namespace PgCluster.Engine.Membership;

/// <summary>What is asked whether a cluster is taken under management or made.</summary>
internal static class InitializeChecks
{
    public static IEnumerable<PreflightCheck> Store(InitializeFacts facts, string remedy)
    {
        yield return facts.Store.HasQuorum
            ? new("StoreQuorum", CheckStatus.Passed, "a linearizable read is answered")
            : new("StoreQuorum", CheckStatus.Failed, "a linearizable read fails", "bring etcd's majority back first", Reason.NoQuorum);
        yield return (facts.Identity, facts.Leader, facts.LastLeader) switch
        {
            (null, null, null) => new("NotInitialized", CheckStatus.Passed, "nobody manages the cluster yet"),
            ({ } identity, _, _) => new("NotInitialized", CheckStatus.Failed,
                $"it is under management already: {identity.By} made it database system {identity.SystemIdentifier} at {identity.InitializedAt.ToUniversalTime():u}", remedy),
            _ => new("NotInitialized", CheckStatus.Failed, $"{facts.Leader?.Node ?? facts.LastLeader!.Node} leads it, or did so last", remedy),
        };
    }

    public static IEnumerable<PreflightCheck> Agents(InitializeFacts facts)
    {
        foreach (var silent in facts.Nodes.Where(n => n.Survey is null))
        {
            yield return new("AgentAnswers", CheckStatus.Failed, $"the agent of {silent.Name} does not answer: {silent.Error}",
                $"start pgcluster supervise --node {silent.Name} there: it leaves the server alone until the cluster is initialised", Reason.AgentUnreachable);
        }

        if (facts.Nodes.All(n => n.Survey is not null))
        {
            yield return new("AgentAnswers", CheckStatus.Passed, string.Create(CultureInfo.InvariantCulture, $"all {facts.Nodes.Count} agents answer"));
        }

        var versions = facts.Nodes.Where(n => n.Survey is not null).ToLookup(n => n.Survey!.AgentVersion ?? "unknown", n => n.Name);
        yield return versions.Count <= 1
            ? new("AgentVersions", CheckStatus.Passed, $"all agents are of version {versions.FirstOrDefault()?.Key}")
            : new("AgentVersions", CheckStatus.Warning, string.Join("; ", versions.Select(v => $"{string.Join(", ", v)}: {v.Key}")), "bring all agents to one version");
    }

    public static IEnumerable<PreflightCheck> OtherManagers(InitializeFacts facts)
    {
        var sessions = facts.Nodes.Where(n => n.Survey?.ManagerSessions is { Count: > 0 }).Select(n => $"{n.Name}: {string.Join(", ", n.Survey!.ManagerSessions!)}").ToArray();
        var programs = facts.Nodes.Where(n => n.Survey?.ManagerPrograms is { Count: > 0 }).Select(n => $"{n.Name}: {string.Join(", ", n.Survey!.ManagerPrograms!)}").ToArray();
        yield return sessions.Length > 0
            ? new("NoOtherManager", CheckStatus.Failed, $"another manager works in these servers ({string.Join("; ", sessions)})", "stop it and keep it from starting again: two managers would promote against each other")
            : programs.Length > 0
                ? new("NoOtherManager", CheckStatus.Warning, $"another manager runs on these hosts ({string.Join("; ", programs)})", "make sure that it does not manage these servers")
                : new("NoOtherManager", CheckStatus.Passed, "no other manager is to be seen");
    }
}
