using System.Globalization;
using PgCluster.Engine.Roles;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Failover;

/// <summary>
/// Who may take over, and in which order. Planned: a standby that runs, streams from the primary and is caught up within the limit. Forced: a standby
/// that runs, whatever it streams from. The order is <see cref="NodePreference"/>'s; WAL is at stake in a forced one only.
/// </summary>
public static class CandidatePolicy
{
    /// <summary>Judges every node, the best first.</summary>
    /// <param name="nodes">All nodes.</param>
    /// <param name="primary">The primary, or the one that is gone; null when unknown.</param>
    /// <param name="forced">True when the primary is gone.</param>
    /// <param name="maxLagBytes">Most WAL in bytes a candidate of a planned failover may have to replay.</param>
    public static IReadOnlyList<CandidateVerdict> Judge(
        IReadOnlyList<NodeObservation> nodes, NodeObservation? primary, bool forced, long maxLagBytes)
    {
        var newestTimeline = nodes.Where(n => n.Name != primary?.Name).Select(n => n.Node.Timeline).DefaultIfEmpty().Max();
        var judged = nodes.Select(n => (Node: n, Against: Against(n, primary, forced, maxLagBytes, newestTimeline))).ToArray();
        var ranked = judged.Where(j => j.Against.Count == 0).Select(j => j.Node)
            .OrderBy(n => Merits(n, forced), NodePreference.InPlaceOf(primary?.Node.FailureDomain))
            .Select((n, i) => new CandidateVerdict(n.Name, true, i + 1, [Describe(n)]));
        var rejected = judged.Where(j => j.Against.Count > 0).OrderBy(j => j.Node.Name, StringComparer.Ordinal)
            .Select(j => new CandidateVerdict(j.Node.Name, false, 0, j.Against));
        return [.. ranked, .. rejected];
    }

    private static List<string> Against(NodeObservation node, NodeObservation? primary, bool forced, long maxLagBytes, int newestTimeline)
    {
        if (node.Name == primary?.Name)
        {
            return [forced ? "is the primary that is gone" : "is the primary already"];
        }

        if (node.Postgres is not { } server)
        {
            return [$"its agent does not answer: {node.Node.Evidence}"];
        }

        var against = new List<string>();
        if (node.Node.NoFailover)
        {
            against.Add("is marked no_failover");
        }

        if (node.Node.Suspended is { } suspended)
        {
            against.Add($"is {suspended}");
        }

        if (node.Node.Role != NodeRole.Standby)
        {
            against.Add($"is not a standby but {node.Node.Role}");
        }

        var runs = node.Node.State == NodeState.Running || (forced && node.Node.State == NodeState.NotStreaming);
        if (!runs)
        {
            against.Add(string.Create(CultureInfo.InvariantCulture, $"is {node.Node.State}: {node.Node.Evidence}"));
        }

        if (server.ReplayPaused)
        {
            against.Add("its replay is paused");
        }

        if (server.ApplyDelayMs > 0)
        {
            against.Add(string.Create(CultureInfo.InvariantCulture, $"recovery_min_apply_delay is {server.ApplyDelayMs} ms"));
        }

        if (primary?.Postgres?.SystemIdentifier is { } system && server.SystemIdentifier is { } own && own != system)
        {
            against.Add($"its data directory belongs to another cluster: system identifier {own}, the primary has {system}");
        }

        if (forced)
        {
            if (node.Node.Timeline < newestTimeline)
            {
                against.Add(string.Create(CultureInfo.InvariantCulture, $"is on timeline {node.Node.Timeline}, another standby on {newestTimeline}"));
            }
        }
        else if (runs && node.Node.Role == NodeRole.Standby)
        {
            if (node.Node.SyncState == SyncState.None || (node.Node.Upstream is { } upstream && upstream != primary?.Name))
            {
                against.Add($"does not stream from the primary but from {node.Node.Upstream ?? "nobody"}");
            }
            else if (node.Node.LagBytes is not { } lag || lag > maxLagBytes)
            {
                against.Add(string.Create(
                    CultureInfo.InvariantCulture, $"has {node.Node.LagBytes?.ToString(CultureInfo.InvariantCulture) ?? "an unknown number of"} bytes to replay, the limit is {maxLagBytes}"));
            }
        }

        return against;
    }

    private static NodeMerits Merits(NodeObservation node, bool forced) => new(node.Name, node.Node.FailureDomain, node.Node.Weight)
    {
        // With the primary there every candidate can still receive everything.
        Timeline = forced ? node.Node.Timeline : 0,
        Received = forced ? node.Postgres?.Lsn ?? Lsn.Zero : Lsn.Zero,
        SyncState = node.Node.SyncState,
        LagBytes = node.Node.LagBytes,
    };

    private static string Describe(NodeObservation node) => string.Create(
        CultureInfo.InvariantCulture,
        $"{(node.Node.SyncState == SyncState.None ? "not streaming" : node.Node.SyncState)}, timeline {node.Node.Timeline}, received {node.Node.Lsn ?? "unknown"}, {node.Node.LagBytes ?? 0} bytes to replay, weight {node.Node.Weight}");
}
