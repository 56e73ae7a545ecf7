using PgCluster.Engine.Configuration;
using PgCluster.Engine.Health;

namespace PgCluster.Agent.Services;

/// <summary>What an observer sees of all nodes, and what the quorum says, for monitoring.</summary>
internal sealed class HealthGauges(HealthMonitor monitor, HealthWatch watch, ClusterConfig config)
{
    public void AddTo(PrometheusText text)
    {
        var consensus = watch.Now();
        foreach (var node in config.Nodes)
        {
            text.Gauge("pgcluster_node_healthy_local", "1 when this observer sees the node well, three looks in a row.",
                monitor.LocalState(node.Name) == HealthState.Healthy ? 1 : 0, Of(node));
        }

        foreach (var node in config.Nodes)
        {
            text.Gauge("pgcluster_node_healthy", "1 when the quorum calls the node healthy, 0 when unhealthy, -1 when too few observers speak.",
                consensus.Of(node.Name).State switch { HealthState.Healthy => 1, HealthState.Unhealthy => 0, _ => -1 }, Of(node));
        }

        foreach (var node in config.Nodes)
        {
            text.Gauge("pgcluster_node_probe_seconds", "How long the last look at the node took.", monitor.LastProbe(node.Name)?.Latency.TotalSeconds ?? 0, Of(node));
        }

        text.Gauge("pgcluster_health_voters", "Observers that have a vote.", consensus.Voters.Count);
        text.Gauge("pgcluster_health_voters_present", "Observers that speak at present.", consensus.Present.Count);
        text.Gauge("pgcluster_health_votes_needed", "Votes that make a node healthy.", consensus.Needed);
    }

    private static string Of(NodeConfig node) => $",peer=\"{node.Name}\"";
}
