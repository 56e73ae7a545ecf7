using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pacemaker;

/// <summary>
/// A cluster some of whose nodes have pgsql-cluster-manager's agent yet, which says nothing of its server. Pure. What is known of such a node is what an agent of ours sees of it in Pacemaker, and the primary's server of
/// the standbys that stream from it.
/// </summary>
internal static class PgcmNodes
{
    /// <summary>The same nodes with what others see of those that do not say it themselves.</summary>
    /// <param name="nodes">As their own agents see them.</param>
    /// <param name="theirs">The nodes whose agent is pgsql-cluster-manager's.</param>
    public static IReadOnlyList<NodeObservation> Seen(IReadOnlyList<NodeObservation> nodes, IReadOnlySet<string> theirs)
    {
        if (theirs.Count == 0)
        {
            return nodes;
        }

        var believed = nodes.Where(n => n.Pacemaker is { Error: null }).ToArray();
        var seer = believed.FirstOrDefault(n => n.Pacemaker!.Primary == n.Name) ?? believed.FirstOrDefault();
        return [.. nodes.Select(n => theirs.Contains(n.Name) ? Theirs(n, seer, nodes) : Ours(n, seer, theirs))];
    }

    private static NodeObservation Theirs(NodeObservation node, NodeObservation? seer, IReadOnlyList<NodeObservation> nodes)
    {
        if (seer?.Pacemaker?.Of(node.Name) is not { } member)
        {
            var unseen = seer is null ? "no agent of PgCluster's sees a Pacemaker with quorum" : $"the Pacemaker of {seer.Name} does not have this node";
            return node with { IsPgcm = true, Node = node.Node with { State = NodeState.Unknown, Evidence = $"pgsql-cluster-manager's agent; {unseen}" } };
        }

        // A status in Pacemaker may be one of before the primary changed: where the primary tells who streams from it, that counts.
        var writer = seer.IsRunningPrimary && seer.Pacemaker.Primary == seer.Name ? seer.Postgres : null;
        var peer = writer?.Standbys.FirstOrDefault(p => p.Name == node.Name && p.State == "streaming");
        var streams = member.SyncState != SyncState.None && (writer is null || peer is not null);
        var lost = member.SyncState != SyncState.None && !streams;
        return node with
        {
            IsPgcm = true,
            Node = node.Node with
            {
                Role = member.Role,
                State = lost ? NodeState.NotStreaming : member.State,
                SyncState = streams ? member.SyncState : SyncState.None,
                Timeline = streams || member.Role == NodeRole.Primary ? writer?.Timeline ?? TimelineOf(nodes) : 0,
                LagBytes = writer?.Lsn is { } written ? peer?.ReplayLsn?.BytesBehind(written) : null,
                Upstream = streams ? seer.Pacemaker.Primary : null,
                Evidence = $"pgsql-cluster-manager's agent; as {seer.Name} sees it in Pacemaker: {member.Evidence}{(lost ? $"; it does not stream from {seer.Name}" : "")}",
            },
        };
    }

    /// <summary>How a standby takes part in synchronous replication its primary says; where that has no agent of ours, Pacemaker.</summary>
    private static NodeObservation Ours(NodeObservation node, NodeObservation? seer, IReadOnlySet<string> theirs) =>
        seer?.Pacemaker is { Primary: { } primary } seen && theirs.Contains(primary) && node.Node is { Role: NodeRole.Standby, State: NodeState.Running } && seen.Of(node.Name) is { } member
            ? node with { Node = node.Node with { SyncState = member.SyncState } }
            : node;

    /// <summary>A standby that streams is on its primary's.</summary>
    private static int TimelineOf(IReadOnlyList<NodeObservation> nodes) =>
        nodes.Where(n => n.Postgres is { Role: NodeRole.Standby, State: NodeState.Running }).Select(n => n.Node.Timeline).DefaultIfEmpty().Max();
}
