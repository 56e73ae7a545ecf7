using System.Globalization;
using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Health;

/// <summary>
/// Turns what the observers wrote into a verdict on each node. A voter is who has looked within health.observer_timeout; a healthy vote is a success within
/// health.failover_timeout; a node is healthy with as many of these as the rule asks of all voters, also of those that do not know the node.
/// </summary>
public static class HealthConsensus
{
    /// <summary>How many healthy votes a node needs.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="voters">How many have a vote; with none, one is needed that nobody can give.</param>
    public static int Needed(QuorumRule rule, int voters) =>
        rule == QuorumRule.HalfOrMore ? Math.Max(1, (voters + 1) / 2) : (voters / 2) + 1;

    /// <summary>Judges.</summary>
    /// <param name="observers">The last report of each observer.</param>
    /// <param name="nodes">The nodes to judge even when nobody has a word on them.</param>
    /// <param name="config">The rule and the times.</param>
    public static ConsensusView Judge(IReadOnlyList<ObserverView> observers, IEnumerable<string> nodes, HealthConfig config)
    {
        var voters = observers.Where(o => o.AttemptAge < config.ObserverTimeout).OrderBy(o => o.Observer, StringComparer.Ordinal).ToArray();
        var present = voters.Where(o => o.AttemptAge < config.FailoverTimeout).Select(o => o.Observer).ToArray();
        var needed = Needed(config.Quorum, voters.Length);
        var all = nodes.Concat(voters.SelectMany(o => o.Report.Votes).Select(v => v.Node)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
        return new ConsensusView([.. voters.Select(o => o.Observer)], present, needed, [.. all.Select(Judge)]);

        HealthVerdict Judge(string node)
        {
            var votes = voters.Select(o => Vote(o, node, config)).ToArray();
            var healthy = votes.Count(v => v.Healthy);

            // Silence is no vote against a node: whoever has just lost and found the store again would call everybody dead.
            var state = healthy >= needed ? HealthState.Healthy : present.Length >= needed ? HealthState.Unhealthy : HealthState.Unknown;
            return new HealthVerdict(node, state, healthy, needed, votes);
        }
    }

    private static NodeVote Vote(ObserverView observer, string node, HealthConfig config)
    {
        if (observer.Report.Votes.FirstOrDefault(v => v.Node == node) is not { } vote)
        {
            return new NodeVote { Observer = observer.Observer, Evidence = "does not know this node" };
        }

        var attempt = observer.AttemptAgeOf(vote);
        var success = observer.SuccessAgeOf(vote);
        var fresh = attempt < config.FailoverTimeout;
        return new NodeVote
        {
            Observer = observer.Observer,
            Healthy = success < config.FailoverTimeout,
            Fresh = fresh,
            AttemptAgeSeconds = attempt.TotalSeconds,
            SuccessAgeSeconds = success?.TotalSeconds,
            AgentAnswers = vote.Agent,
            PostgresAnswers = vote.Postgres,
            LatencyMs = vote.LatencyMs,
            Evidence = fresh ? vote.Detail : string.Create(CultureInfo.InvariantCulture, $"has not looked for {attempt.TotalSeconds:0.0} s"),
        };
    }
}
