using System.Globalization;

namespace PgCluster.Engine.Health;

/// <summary>
/// Which node serves a read: one at random of the standbys that are healthy, stream, are not avoided and are within every limit asked for. The primary serves it when
/// asked for, or when no healthy standby has anything to say about its lag; never because standbys are too far behind: that would move the load of all reads to
/// the one node that must not be overloaded.
/// </summary>
public static class ReadRouter
{
    /// <summary>Chooses.</summary>
    /// <param name="cluster">The cluster's name, for the error.</param>
    /// <param name="nodes">Every node.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="pick">Gives a number from 0 to below its argument.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.NoSuitableNode"/>, saying of each node why not.</exception>
    public static SyncedNode Choose(string cluster, IReadOnlyList<ReadCandidate> nodes, ReadRequest request, Func<int, int> pick)
    {
        var primaries = nodes.Where(n => n.Node.Role == NodeRole.Primary).ToArray();
        var primary = primaries is [var only] ? only : null;
        if (request.ForcePrimary)
        {
            // Writes go there all the same: that it is out of service is no reason against one who asks for it.
            return primary is not null && AgainstAnyRead(primary with { Node = primary.Node with { Suspended = null } }).Count == 0
                ? Chosen(primary, "the primary was asked for", Considered([]))
                : throw Nobody(Considered([]), primary is null ? $"{Number(primaries.Length)} primary" : null);
        }

        var standbys = nodes.Where(n => n.Node.Role == NodeRole.Standby).Select(n => (Candidate: n, Against: AgainstStandby(n, request))).ToArray();
        var suitable = standbys.Where(s => s.Against.Count == 0).Select(s => s.Candidate).ToArray();
        if (suitable.Length > 0)
        {
            var taken = suitable[pick(suitable.Length)];
            return Chosen(taken, string.Create(CultureInfo.InvariantCulture, $"one of {suitable.Length} at random; {Describe(taken.Node)}"), Considered(standbys));
        }

        if (primary is not null && AgainstAnyRead(primary).Count == 0 && !standbys.Any(s => AgainstAnyRead(s.Candidate).Count == 0 && HasLagData(s.Candidate.Node, request)))
        {
            return Chosen(primary, "the primary, because no healthy standby has lag data", Considered(standbys));
        }

        throw Nobody(Considered(standbys), null);

        IReadOnlyList<ReadVerdict> Considered(IReadOnlyList<(ReadCandidate Candidate, List<string> Against)> judged) =>
        [
            .. nodes.Select(n =>
            {
                var against = judged.FirstOrDefault(j => j.Candidate == n).Against ?? AgainstPrimaryPart(n);
                return new ReadVerdict(n.Node.Name, against.Count == 0, against.Count == 0 ? [Describe(n.Node)] : against);
            }),
        ];

        List<string> AgainstPrimaryPart(ReadCandidate node)
        {
            var against = AgainstAnyRead(node);
            if (node.Node.Role == NodeRole.Primary && !request.ForcePrimary)
            {
                against.Add("is the primary; it serves when no standby has lag data, or with ForcePrimary");
            }
            else if (node.Node.Role != NodeRole.Primary && request.ForcePrimary)
            {
                against.Add("is not the primary");
            }

            return against;
        }

        SyncedNode Chosen(ReadCandidate node, string why, IReadOnlyList<ReadVerdict> considered) => new()
        {
            Cluster = cluster,
            Name = node.Node.Name,
            Host = node.Node.Host,
            Port = node.Node.Port,
            Role = node.Node.Role,
            LagBytes = node.Node.LagBytes,
            LagSeconds = node.Node.LagSeconds,
            ReplayLsn = node.Node.ReplayLsn,
            Evidence = why,
            Considered = considered,
        };

        PgClusterException Nobody(IReadOnlyList<ReadVerdict> considered, string? more) => new(
            Reason.NoSuitableNode,
            $"no suitable node of cluster '{cluster}' to serve the read: {string.Join("; ", considered.Where(c => !c.Suitable).Select(c => $"{c.Node} {string.Join(" and ", c.Reasons)}"))}{(more is null ? "" : $"; there is {more}")}");
    }

    private static string Number(int count) => count == 0 ? "no" : "more than one";

    private static List<string> AgainstAnyRead(ReadCandidate node)
    {
        var against = new List<string>();
        if (node.Health != HealthState.Healthy)
        {
            against.Add($"is not healthy: {node.Evidence}");
        }
        else if (node.Node.State != NodeState.Running)
        {
            against.Add(node.Node.State == NodeState.NotStreaming ? "does not stream" : $"is {node.Node.State}");
        }

        if (node.Avoided)
        {
            against.Add("had too many errors of late");
        }

        if (node.Node.Suspended is { } suspended)
        {
            against.Add($"is {suspended}");
        }

        return against;
    }

    private static List<string> AgainstStandby(ReadCandidate node, ReadRequest request)
    {
        var against = AgainstAnyRead(node);
        if (request.MaxLagBytes is { } bytes && (node.Node.LagBytes ?? long.MaxValue) > bytes)
        {
            against.Add(node.Node.LagBytes is { } lag
                ? string.Create(CultureInfo.InvariantCulture, $"is {lag} bytes behind, the limit is {bytes}")
                : "has an unknown lag in bytes");
        }

        if (request.MaxLag is { } limit && (node.Node.LagSeconds ?? double.MaxValue) > limit.TotalSeconds)
        {
            against.Add(node.Node.LagSeconds is { } lag
                ? string.Create(CultureInfo.InvariantCulture, $"is {lag:0.###} s behind, the limit is {limit.TotalSeconds:0.###} s")
                : "has an unknown lag in seconds");
        }

        if (request.PastLsn is { } wanted && (!Lsn.TryParse(node.Node.ReplayLsn, out var replayed) || replayed < wanted))
        {
            against.Add($"has replayed {node.Node.ReplayLsn ?? "nobody knows what"}, not {wanted}");
        }

        return against;
    }

    private static bool HasLagData(ClusterNode node, ReadRequest request) =>
        (request.MaxLagBytes is null || node.LagBytes is not null)
        && (request.MaxLag is null || node.LagSeconds is not null)
        && (request.PastLsn is null || node.ReplayLsn is not null);

    private static string Describe(ClusterNode node) => node.Role == NodeRole.Primary ? "is the primary" : string.Create(
        CultureInfo.InvariantCulture,
        $"{node.LagBytes?.ToString(CultureInfo.InvariantCulture) ?? "unknown"} bytes and {node.LagSeconds?.ToString("0.###", CultureInfo.InvariantCulture) ?? "unknown"} s behind, replayed {node.ReplayLsn ?? "unknown"}");
}
