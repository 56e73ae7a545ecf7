using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Election;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Synchronous;

/// <summary>
/// Would every acknowledged commit outlive a loss? For each way a last commit can lie on the synchronous standbys, an election is held among those that are left, by
/// <see cref="ElectionPolicy"/> itself: it has to find a winner, and the winner has to have that commit.
/// </summary>
public static class DurabilityRule
{
    private static readonly Lsn Without = new(1);
    private static readonly Lsn With = new(2);

    /// <summary>One verdict for each node or failure domain that may be lost.</summary>
    /// <param name="view">The cluster as it is.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="scope">What is lost at once.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.NoPrimary"/>: there is none that could be lost.</exception>
    public static IReadOnlyList<DurabilityVerdict> Judge(ClusterView view, ClusterConfig config, DurabilityScope scope)
    {
        ArgumentNullException.ThrowIfNull(view);
        ArgumentNullException.ThrowIfNull(config);
        var primary = view.Primary
            ?? throw new PgClusterException(Reason.NoPrimary, "no node runs as the only primary, so nothing can be said about the loss of one");
        return [.. view.Nodes
            .GroupBy(n => scope == DurabilityScope.Node || n.Node.FailureDomain.Length == 0 ? n.Name : n.Node.FailureDomain, StringComparer.Ordinal)
            .OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => Judge(view, config, primary, scope, g.Key, [.. g.Select(n => n.Name)]))];
    }

    private static DurabilityVerdict Judge(
        ClusterView view, ClusterConfig config, NodeObservation primary, DurabilityScope scope, string name, IReadOnlyList<string> lost)
    {
        var policies = view.Synchronous is { } recorded && recorded.Primary == primary.Name ? recorded.InForce.ToArray() : [];
        var standbys = view.Nodes.Where(n => n.Name != primary.Name).Select(n => n.Name).ToArray();
        var newest = policies.Length == 0 ? [] : Named(policies[0], standbys);
        var w = policies.Length == 0 ? 0 : policies[0].Count;
        var left = view.Nodes.Where(n => !lost.Contains(n.Name) && n.Postgres is { Role: NodeRole.Standby, State: NodeState.Running or NodeState.NotStreaming })
            .Select(n => n.Name).ToArray();
        var verdict = new DurabilityVerdict
        {
            Cluster = view.Cluster,
            Scope = scope,
            Lost = name,
            LostNodes = lost,
            N = newest.Count,
            W = w,
            R = w == 0 ? 0 : newest.Count - w + 1,
            Votes = [.. newest.Where(n => left.Contains(n, StringComparer.OrdinalIgnoreCase))],
            CommitsGoOn = newest.Count(n => left.Contains(n, StringComparer.OrdinalIgnoreCase)) >= w,
        };
        if (!lost.Contains(primary.Name))
        {
            return verdict with
            {
                Survives = true,
                Primary = primary.Name,
                Evidence = $"{primary.Name} stays the primary and has every commit" + (verdict.CommitsGoOn ? "" : string.Create(
                    CultureInfo.InvariantCulture, $"; commits wait, {verdict.Votes.Count} of the {w} standbys they wait for are left")),
                Advice = verdict.CommitsGoOn || config.Synchronous.Mode == SynchronousMode.Availability ? ""
                    : $"let commits wait for fewer standbys, or have more of them outside {name}",
            };
        }

        var winners = new HashSet<string>(StringComparer.Ordinal);
        foreach (var holders in Holders(policies, standbys))
        {
            var election = ElectionPolicy.Decide(Situation(view, config, primary, left, holders));
            if (election.Winner is not { } winner || !holders.Contains(winner, StringComparer.OrdinalIgnoreCase))
            {
                var commit = holders.Count == 0 ? "a commit that no standby has yet" : $"a commit that {string.Join(" and ", holders)} acknowledged and nobody else has";
                return verdict with
                {
                    Survives = false,
                    CommitsGoOn = false,
                    Evidence = election.Winner is { } without
                        ? $"{commit} is lost: {without} becomes the primary without it"
                        : $"{commit}: no node may take over ({string.Join("; ", election.Candidates.Where(c => left.Contains(c.Node)).Select(c => $"{c.Node} {string.Join(", ", c.Reasons)}"))})",
                    Advice = Advise(verdict, config, name, lost, standbys, left),
                };
            }

            winners.Add(winner);
        }

        return verdict with
        {
            Survives = true,
            Primary = winners.Count == 1 ? winners.Single() : null,
            Evidence = string.Create(
                CultureInfo.InvariantCulture,
                $"a commit is on {w} of {string.Join(", ", newest)}; {verdict.Votes.Count} of them are left to vote and {verdict.R} are needed: wherever it lies, {string.Join(" or ", winners.Order(StringComparer.Ordinal))} has it and takes over"),
        };
    }

    /// <summary>Every smallest set of standbys on which an acknowledged commit can be under one of the policies in force; the empty one where nobody is waited for.</summary>
    private static IEnumerable<IReadOnlyList<string>> Holders(SynchronousPolicyRecord[] policies, string[] standbys) =>
        policies.Length == 0 ? [[]] : policies.SelectMany(p => Choices(Named(p, standbys), p.Count));

    private static IEnumerable<IReadOnlyList<string>> Choices(IReadOnlyList<string> of, int count) =>
        count == 0 ? [[]]
        : of.Count < count ? []
        : [.. Choices([.. of.Skip(1)], count - 1).Select(rest => (IReadOnlyList<string>)[of[0], .. rest]), .. Choices([.. of.Skip(1)], count)];

    private static IReadOnlyList<string> Named(SynchronousPolicyRecord policy, string[] standbys) =>
        policy.Standbys.Contains("*") ? standbys : policy.Standbys;

    private static ElectionSituation Situation(
        ClusterView view, ClusterConfig config, NodeObservation primary, string[] left, IReadOnlyList<string> holders) => new(
        [.. view.Nodes.Select(n => new ElectionNode(
            n.Name, n.Node.FailureDomain, n.Node.Weight,
            left.Contains(n.Name)
                ? n.Postgres! with { State = NodeState.NotStreaming, Timeline = primary.Node.Timeline, Lsn = holders.Contains(n.Name, StringComparer.OrdinalIgnoreCase) ? With : Without }
                : null,
            "it is lost too, or its agent does not answer", n.Node.NoFailover ? "is marked no_failover" : n.Node.Suspended is { } suspended ? $"is {suspended}" : null))],
        new LastLeader(primary.Name, primary.Node.Timeline, "", With), view.Synchronous, config.Failover.MaxLag);

    private static string Advise(
        DurabilityVerdict verdict, ClusterConfig config, string name, IReadOnlyList<string> lost, string[] standbys, string[] left)
    {
        if (verdict.W == 0)
        {
            return config.Synchronous.Mode switch
            {
                SynchronousMode.Manual => "set synchronous.mode to availability or protection, or synchronous_standby_names by hand",
                SynchronousMode.Performance => "set synchronous.mode to availability or protection",
                _ => "bring a standby back: there is none that commits could wait for",
            };
        }

        if (left.Length == 0)
        {
            return standbys.All(lost.Contains) ? $"put a standby outside {name}" : "bring the standbys back that are down";
        }

        return lost.Count > 1 && verdict.Votes.Count < verdict.R
            ? $"let commits wait for standbys outside {name} (synchronous.mode other than manual prefers those), or for more of them (synchronous.standbys)"
            : "look at the nodes that are left: what the evidence says of them is in the way";
    }
}
