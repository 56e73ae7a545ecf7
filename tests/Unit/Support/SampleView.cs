using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Tests.Unit.Support;

/// <summary>A sound cluster to change in one place: pg01 leads on timeline 5, pg02 and pg03 stream from it, the application's pooler leads to it.</summary>
internal static class SampleView
{
    public static ClusterView Sound() => new()
    {
        Cluster = "test",
        Store = new StoreHealth(true, 10, [new StoreEndpointHealth("http://127.0.0.1:2379", true, true, "3.4", "")]),
        PublishedPrimary = new StoreEntry("/master", "127.0.0.1:5501", 1, 1, 1),
        Leader = new LeaderRecord("pg01", 5, "term"),
        Nodes = [Node("pg01", NodeRole.Primary, SyncState.None), Node("pg02", NodeRole.Standby, SyncState.Quorum), Node("pg03", NodeRole.Standby, SyncState.Quorum)],
        Poolers =
        [
            new PoolerObservation(
                new PoolerInfo { Cluster = "test", Name = "app", Host = "127.0.0.1", Port = 6432, State = PoolerState.Active, PointsTo = "127.0.0.1:5501", PoolMode = "transaction" },
                new ProxyReport("app", 1, "127.0.0.1:5501", null, "0.1.0"), true),
        ],
    };

    public static ClusterView With(this ClusterView view, string name, Func<ClusterNode, ClusterNode> change) => view with
    {
        Nodes = [.. view.Nodes.Select(n => n.Name == name ? n with { Node = change(n.Node) } : n)],
    };

    public static ClusterView Server(this ClusterView view, string name, Func<PostgresStatus, PostgresStatus> change) => view with
    {
        Nodes = [.. view.Nodes.Select(n => n.Name == name ? n with { Postgres = change(n.Postgres!) } : n)],
    };

    public static ClusterView Down(this ClusterView view, string name) => view
        .With(name, n => n with { State = NodeState.Stopped, SyncState = SyncState.None, Upstream = null, LagBytes = null, Evidence = "no postmaster runs" })
        .Server(name, s => s with { State = NodeState.Stopped });

    public static ClusterView Silent(this ClusterView view, string name) => view with
    {
        Nodes = [.. view.Nodes.Select(n => n.Name == name
            ? new NodeObservation(n.Node with { Role = NodeRole.Unknown, State = NodeState.Unreachable, SyncState = SyncState.None, Upstream = null, Evidence = "connection refused" }, null)
            : n)],
    };

    private static NodeObservation Node(string name, NodeRole role, SyncState sync)
    {
        var lsn = new Lsn(0x3000028);
        var port = 5500 + (name[^1] - '0');
        return new NodeObservation(
            new ClusterNode
            {
                Cluster = "test", Name = name, Host = "127.0.0.1", Port = port, Role = role, SyncState = sync, State = NodeState.Running, Timeline = 5,
                Lsn = lsn.ToString(), LagBytes = role == NodeRole.Standby ? 0 : null, Upstream = role == NodeRole.Standby ? "pg01" : null,
            },
            new PostgresStatus
            {
                State = NodeState.Running, Role = role, Timeline = 5, Lsn = lsn, SystemIdentifier = "1",
                SynchronousStandbyNames = role == NodeRole.Primary ? "ANY 1 (pg02, pg03)" : "",
                Standbys = role == NodeRole.Primary ? [Peer("pg02", lsn), Peer("pg03", lsn)] : [],
            });
    }

    private static ReplicationPeer Peer(string name, Lsn lsn) => new(name, "streaming", SyncState.Quorum, lsn, lsn, lsn);
}
