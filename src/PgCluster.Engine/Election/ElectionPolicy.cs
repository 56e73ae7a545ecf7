using System.Globalization;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Roles;

namespace PgCluster.Engine.Election;

/// <summary>
/// Who leads next. May: a standby that answered and was not barred, on the highest timeline, and, while the last leader's commits waited for standbys,
/// one of these that has every acknowledged commit. The order is <see cref="NodePreference"/>'s, and WAL is at stake.
/// </summary>
/// <remarks>
/// Every acknowledged commit: it was on at least k of the N synchronous standbys (W = k). Whoever has voted receives nothing from the last leader any more. If R of the N
/// have voted and none of these R has more than the winner, a commit that the winner lacks could only be on the N - R others, which are fewer than k as
/// soon as R + W > N: so there is none, and no more can come to be, also when the last leader still runs. Where a policy has only just replaced another,
/// both have to be met, because a commit may have been acknowledged under either.
/// </remarks>
public static class ElectionPolicy
{
    /// <summary>Decides.</summary>
    public static ElectionVerdict Decide(ElectionSituation situation)
    {
        ArgumentNullException.ThrowIfNull(situation);
        var newest = situation.Nodes.Select(n => n.Vote).Where(IsStandby).Select(v => v!.Timeline).DefaultIfEmpty().Max();
        var judged = situation.Nodes.Select(n => (Node: n, Against: Against(n, situation, newest))).ToArray();
        var ranked = judged.Where(j => j.Against.Count == 0).Select(j => j.Node)
            .OrderBy(Merits, NodePreference.InPlaceOf(DomainOfLast(situation)))
            .ToArray();
        CandidateVerdict[] candidates =
        [
            .. ranked.Select((n, i) => new CandidateVerdict(n.Name, true, i + 1, [Describe(n)])),
            .. judged.Where(j => j.Against.Count > 0).OrderBy(j => j.Node.Name, StringComparer.Ordinal)
                .Select(j => new CandidateVerdict(j.Node.Name, false, 0, j.Against)),
        ];
        if (situation.LastLeader is null)
        {
            return new ElectionVerdict(null, candidates, false, "nobody has led this cluster yet: its first leader is the node that runs as a primary");
        }

        // Not another node: the two would run at once.
        var winner = ranked.FirstOrDefault(n => !situation.LastLeader.MayStillRun || n.Name == situation.LastLeader.Node);
        if (situation.LastLeader.MayStillRun && winner is null)
        {
            return new ElectionVerdict(
                null, candidates, false, $"{situation.LastLeader.Node} led without a guard, because nobody was to take over: it may still run. Bring its agent back, or ask for a forced failover");
        }

        var vouched = winner is not null && Vouches(situation);
        return new ElectionVerdict(
            winner?.Name, candidates, vouched,
            winner is null ? "no node may take over"
            : vouched ? $"{winner.Name} has every commit that {situation.LastLeader.Node} acknowledged"
            : $"{winner.Name} has received the most; commits waited for no standby, so that those of the last moment may be lost");
    }

    private static List<string> Against(ElectionNode node, ElectionSituation situation, int newest)
    {
        var against = new List<string>();
        if (node.Barred is { } barred)
        {
            against.Add(barred);
        }

        if (node.Vote is not { } vote)
        {
            against.Add(node.Silence);
            return against;
        }

        if (!IsStandby(vote))
        {
            against.Add(string.Create(CultureInfo.InvariantCulture, $"is {vote.Role} and {vote.State}: {vote.Evidence}"));
            return against;
        }

        if (node.Healthy == false)
        {
            against.Add("the observers agree that it is not healthy");
        }

        if (vote.ReplayPaused)
        {
            against.Add("its replay is paused");
        }

        if (vote.ApplyDelayMs > 0)
        {
            against.Add(string.Create(CultureInfo.InvariantCulture, $"recovery_min_apply_delay is {vote.ApplyDelayMs} ms"));
        }

        var systems = situation.Nodes.Select(n => n.Vote?.SystemIdentifier).OfType<string>().GroupBy(s => s, StringComparer.Ordinal).ToArray();
        if (vote.SystemIdentifier is { } own && systems.Length > 1 && systems.MaxBy(g => g.Count())!.Key is var most && most != own)
        {
            against.Add($"its data directory belongs to another cluster: system identifier {own}, the others have {most}");
        }

        if (vote.Timeline < newest)
        {
            against.Add(string.Create(CultureInfo.InvariantCulture, $"is on timeline {vote.Timeline}, another standby on {newest}"));
        }

        against.AddRange(Unvouched(situation, node));
        if (!Vouches(situation) && situation.LastLeader is { Lsn: { } written } last && vote.Timeline <= last.Timeline && vote.Lsn is { } received && received.BytesBehind(written) > situation.MaxLag)
        {
            against.Add(string.Create(
                CultureInfo.InvariantCulture, $"lacks {received.BytesBehind(written)} bytes of what {last.Node} had written, the limit is {situation.MaxLag}"));
        }

        return against;
    }

    /// <summary>Why this node may lack a commit that was acknowledged; nothing when it cannot, or when commits waited for nobody.</summary>
    private static IEnumerable<string> Unvouched(ElectionSituation situation, ElectionNode candidate)
    {
        if (situation.LastLeader is not { } last)
        {
            yield break;
        }

        if (situation.Synchronous is not { } policy)
        {
            // It led, and died before its first word: commits may have waited for any standby.
            yield return $"cannot be known to have every acknowledged commit: {last.Node} has not said which standbys its commits waited for";
            yield break;
        }

        if (policy.Primary != last.Node)
        {
            yield return $"cannot be known to have every acknowledged commit: {last.Node} led last, and the policy on record is of {policy.Primary}";
            yield break;
        }

        // What a node acknowledged as the primary it has itself, whatever it is now.
        foreach (var inForce in policy.InForce.Where(p => p.Count > 0 && p.Primary != candidate.Name))
        {
            var standbys = Standbys(situation, inForce);
            var votes = VotesUpTo(situation, standbys, candidate);
            var needed = standbys.Count - inForce.Count + 1;
            if (!standbys.Contains(candidate.Name, StringComparer.OrdinalIgnoreCase))
            {
                yield return $"is not one of the synchronous standbys of {inForce.Primary}: {string.Join(", ", standbys)}";
            }
            else if (votes < needed)
            {
                yield return string.Create(
                    CultureInfo.InvariantCulture,
                    $"cannot be known to have every acknowledged commit: one of {inForce.Primary} was on {inForce.Count} of {string.Join(", ", standbys)}, so {needed} of them have to have voted and have no more than it, and {votes} have");
            }
        }
    }

    /// <summary>Commits of a time when nobody was waited for may be missing, until the list after it has been seen to have them.</summary>
    private static bool Vouches(ElectionSituation situation) => situation.Synchronous is { } policy && policy.InForce.All(p => p.Count > 0);

    private static IReadOnlyList<string> Standbys(ElectionSituation situation, SynchronousPolicyRecord policy) =>
        policy.Standbys.Contains("*") ? [.. situation.Nodes.Select(n => n.Name).Where(n => n != policy.Primary)] : policy.Standbys;

    /// <summary>R: those of the synchronous standbys that have voted and have no more than the candidate.</summary>
    private static int VotesUpTo(ElectionSituation situation, IReadOnlyList<string> standbys, ElectionNode candidate) => situation.Nodes.Count(n =>
        IsStandby(n.Vote) && standbys.Contains(n.Name, StringComparer.OrdinalIgnoreCase) && Position(n.Vote!).CompareTo(Position(candidate.Vote!)) <= 0);

    private static bool IsStandby(PostgresStatus? vote) => vote is { Role: NodeRole.Standby, State: NodeState.Running or NodeState.NotStreaming };

    private static (int Timeline, Lsn Lsn) Position(PostgresStatus vote) => (vote.Timeline, vote.Lsn ?? Lsn.Zero);

    private static NodeMerits Merits(ElectionNode node) => new(node.Name, node.FailureDomain, node.Weight)
    {
        Timeline = node.Vote!.Timeline,
        Received = node.Vote.Lsn ?? Lsn.Zero,
    };

    private static string? DomainOfLast(ElectionSituation situation) =>
        situation.Nodes.FirstOrDefault(n => n.Name == situation.LastLeader?.Node)?.FailureDomain;

    private static string Describe(ElectionNode node) => string.Create(
        CultureInfo.InvariantCulture, $"timeline {node.Vote!.Timeline}, received {node.Vote.Lsn?.ToString() ?? "unknown"}, weight {node.Weight}");
}
