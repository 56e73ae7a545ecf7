using System.Globalization;
using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Health;

/// <summary>Health as people see it: rows made of what was looked at and what was voted.</summary>
public static class HealthRows
{
    /// <summary>The three views of each node of the configuration.</summary>
    /// <param name="config">The cluster.</param>
    /// <param name="probes">This caller's look at each.</param>
    /// <param name="consensus">What the observers agree on; null when the store does not answer.</param>
    /// <param name="suspended">The nodes out of service.</param>
    public static IReadOnlyList<NodeHealth> Nodes(
        ClusterConfig config, IReadOnlyList<NodeProbe> probes, ConsensusView? consensus, IReadOnlyDictionary<string, NodeSuspension> suspended) =>
        [.. config.Nodes.Select(node =>
        {
            var probe = probes.FirstOrDefault(p => p.Node == node.Name);
            var verdict = consensus?.Of(node.Name);
            return new NodeHealth
            {
                Cluster = config.Name,
                Name = node.Name,
                Local = probe is null ? HealthState.Unknown : probe.Success ? HealthState.Healthy : HealthState.Unhealthy,
                Consensus = verdict?.State ?? HealthState.Unknown,
                Administrative = suspended.ContainsKey(node.Name) ? "Suspended" : node.NoFailover ? "NoFailover" : "Normal",
                Suspended = suspended.GetValueOrDefault(node.Name)?.ToString(),
                HealthyVotes = verdict?.HealthyVotes ?? 0,
                Needed = verdict?.Needed ?? 0,
                Voters = consensus?.Voters.Count ?? 0,
                LatencyMs = probe?.Latency.TotalMilliseconds ?? 0,
                Evidence = probe?.Detail ?? "",
                Votes = verdict?.Votes ?? [],
            };
        })];

    /// <summary>Who votes, how many are needed and who is missing.</summary>
    /// <param name="config">The cluster.</param>
    /// <param name="observers">The last report of each observer.</param>
    public static QuorumStatus Quorum(ClusterConfig config, IReadOnlyList<ObserverView> observers)
    {
        var view = HealthConsensus.Judge(observers, config.Nodes.Select(n => n.Name), config.Health);
        var names = observers.Select(o => o.Observer).Union(config.Nodes.Select(n => n.Name), StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        return new QuorumStatus
        {
            Cluster = config.Name,
            Rule = config.Health.Quorum,
            HasQuorum = view.HasQuorum,
            Needed = view.Needed,
            Voters = view.Voters,
            Present = view.Present,
            Missing = [.. names.Except(view.Present, StringComparer.Ordinal)],
            Observers = [.. names.Select(Describe)],
        };

        QuorumVoter Describe(string name)
        {
            var observer = observers.FirstOrDefault(o => o.Observer == name);
            var age = observer?.AttemptAge;
            return new QuorumVoter
            {
                Name = name,
                IsAgent = config.Nodes.Any(n => n.Name == name),
                Votes = view.Voters.Contains(name, StringComparer.Ordinal),
                Present = view.Present.Contains(name, StringComparer.Ordinal),
                AgeSeconds = age?.TotalSeconds,
                SeesHealthy = [.. view.Verdicts.Where(v => v.Votes.Any(o => o.Observer == name && o.Healthy)).Select(v => v.Node)],
                Evidence = age is not { } old ? "has written nothing"
                    : old < config.Health.FailoverTimeout ? ""
                    : string.Create(CultureInfo.InvariantCulture, $"has not looked for {old.TotalSeconds:0.0} s"),
            };
        }
    }
}
