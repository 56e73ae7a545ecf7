using PgCluster.Engine.Health;

namespace PgCluster.Tests.Unit.Health;

/// <summary>
/// PR-34 and PR-35 for a cluster: an unknown virtual storage is a cluster that no configuration names, refused before anything is routed; a repository of which nothing is
/// known, and an empty set of consistent storages, are standbys without lag data; an inconsistent replica is a standby beyond the limit. With the limit at hand a standby that is
/// too far behind is an error and not the primary's load.
/// </summary>
public sealed class ReadRouterTests
{
    private static readonly ReadRequest Within16 = new() { MaxLagBytes = 16 };

    private static readonly ReadCandidate Primary = Node("P", NodeRole.Primary, null);

    [Fact]
    public void PR34_Without_any_lag_data_the_primary_serves()
    {
        Assert.Equal("P", Choose(Within16, Primary).Name);
        Assert.Equal("P", Choose(Within16, Primary, Node("S1", NodeRole.Standby, null)).Name);
        Assert.Equal("P", Choose(new() { MaxLag = TimeSpan.FromSeconds(1) }, Primary, Node("S1", NodeRole.Standby, 0, seconds: null)).Name);
        Assert.Equal("P", Choose(new() { PastLsn = new Lsn(5) }, Primary, Node("S1", NodeRole.Standby, 0, replayed: null)).Name);
    }

    [Fact]
    public void PR34_Reads_are_spread_over_all_that_are_consistent()
    {
        var seen = Enumerable.Range(0, 1000)
            .Select(_ => ReadRouter.Choose("c", [Primary, Node("S1", NodeRole.Standby, 0), Node("S2", NodeRole.Standby, 0)], Within16, Random.Shared.Next).Name)
            .Distinct().Order();
        Assert.Equal(["S1", "S2"], seen);
    }

    [Fact]
    public void PR34_A_consistent_standby_that_is_not_healthy_is_not_taken()
    {
        Assert.Equal("P", Choose(Within16, Primary, Node("S1", NodeRole.Standby, 0, HealthState.Unhealthy)).Name);
        Assert.Equal("P", Choose(Within16, Primary, Node("S1", NodeRole.Standby, 0, HealthState.Unknown)).Name);
        Assert.Equal("S2", Choose(Within16, Primary, Node("S1", NodeRole.Standby, 0, HealthState.Unhealthy), Node("S2", NodeRole.Standby, 16)).Name);
    }

    [Fact]
    public void PR34_PR35_With_nobody_healthy_there_is_no_suitable_node_and_each_says_why()
    {
        var error = Refused(Within16, Primary with { Health = HealthState.Unhealthy }, Node("S1", NodeRole.Standby, 0, HealthState.Unhealthy));
        Assert.StartsWith("no suitable node of cluster 'c' to serve the read: P is not healthy: seen", error, StringComparison.Ordinal);
        Assert.Contains("; S1 is not healthy: seen", error, StringComparison.Ordinal);
        Assert.StartsWith("no suitable node", Refused(Within16), StringComparison.Ordinal);
    }

    [Fact]
    public void PR34_PR35_A_primary_that_is_not_healthy_does_not_keep_a_standby_from_serving() =>
        Assert.Equal("S1", Choose(Within16, Primary with { Health = HealthState.Unhealthy }, Node("S1", NodeRole.Standby, 0)).Name);

    [Theory]
    [InlineData(0, "S1")]
    [InlineData(1, "S2")]
    public void PR35_The_number_drawn_decides(int drawn, string expected)
    {
        var node = ReadRouter.Choose("c", [Node("S1", NodeRole.Standby, 3), Primary, Node("S2", NodeRole.Standby, 4)], Within16, count => count == 2 ? drawn : throw new InvalidOperationException());
        Assert.Equal(expected, node.Name);
        Assert.Equal((NodeRole.Standby, 3L + drawn), (node.Role, node.LagBytes));
        Assert.Equal([true, false, true], node.Considered.Select(c => c.Suitable));
    }

    [Fact]
    public void PR35_Only_an_inconsistent_node_is_healthy()
    {
        var error = Refused(Within16, Primary with { Health = HealthState.Unhealthy }, Node("S1", NodeRole.Standby, 17));
        Assert.Contains("S1 is 17 bytes behind, the limit is 16", error, StringComparison.Ordinal);

        // A healthy primary does not get the reads of standbys that fall behind.
        Assert.Contains("S1 is 17 bytes behind", Refused(Within16, Primary, Node("S1", NodeRole.Standby, 17)), StringComparison.Ordinal);
    }

    [Fact]
    public void PR35_The_primary_when_it_is_asked_for_and_nobody_else()
    {
        var force = new ReadRequest { ForcePrimary = true };
        Assert.Equal("P", Choose(force, Node("S1", NodeRole.Standby, 0), Primary).Name);
        Assert.Contains("P is not healthy", Refused(force, Primary with { Health = HealthState.Unhealthy }, Node("S1", NodeRole.Standby, 0)), StringComparison.Ordinal);
        Assert.Contains("S1 is not the primary; there is no primary", Refused(force, Node("S1", NodeRole.Standby, 0)), StringComparison.Ordinal);
        Assert.Contains("there is more than one primary", Refused(force, Primary, Node("Q", NodeRole.Primary, null)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_that_does_not_stream_or_had_too_many_errors_is_not_taken()
    {
        var quiet = Node("S1", NodeRole.Standby, 0);
        Assert.Equal("P", Choose(Within16, Primary, quiet with { Node = quiet.Node with { State = NodeState.NotStreaming } }).Name);
        Assert.Equal("P", Choose(Within16, Primary, quiet with { Avoided = true }).Name);
        Assert.Contains("P had too many errors of late", Refused(Within16, Primary with { Avoided = true }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_out_of_service_is_not_read_from_unless_it_is_the_primary_that_was_asked_for()
    {
        ReadCandidate Suspended(ReadCandidate node) => node with { Node = node.Node with { Suspended = "suspended by ann@db: a new disk" } };

        Assert.Equal("S2", Choose(Within16, Primary, Suspended(Node("S1", NodeRole.Standby, 0)), Node("S2", NodeRole.Standby, 9)).Name);
        Assert.Equal("P", Choose(Within16, Primary, Suspended(Node("S1", NodeRole.Standby, 0))).Name);
        Assert.Contains("S1 is suspended by ann@db: a new disk", Refused(Within16, Suspended(Primary), Suspended(Node("S1", NodeRole.Standby, 0))), StringComparison.Ordinal);
        Assert.Equal("P", Choose(new ReadRequest { ForcePrimary = true }, Suspended(Primary), Node("S1", NodeRole.Standby, 0)).Name);
    }

    [Fact]
    public void Every_limit_given_has_to_hold()
    {
        var request = new ReadRequest { MaxLagBytes = 16, MaxLag = TimeSpan.FromSeconds(2), PastLsn = new Lsn(100) };
        Assert.Equal("S1", Choose(request, Node("S1", NodeRole.Standby, 16, seconds: 2, replayed: new Lsn(100))).Name);
        Assert.Contains("17 bytes behind", Refused(request, Node("S1", NodeRole.Standby, 17, seconds: 2, replayed: new Lsn(100))), StringComparison.Ordinal);
        Assert.Contains("2.001 s behind", Refused(request, Node("S1", NodeRole.Standby, 16, seconds: 2.001, replayed: new Lsn(100))), StringComparison.Ordinal);
        Assert.Contains("has replayed 0/63, not 0/64", Refused(request, Node("S1", NodeRole.Standby, 16, seconds: 2, replayed: new Lsn(99))), StringComparison.Ordinal);
    }

    private static SyncedNode Choose(ReadRequest request, params ReadCandidate[] nodes) => ReadRouter.Choose("c", nodes, request, _ => 0);

    private static string Refused(ReadRequest request, params ReadCandidate[] nodes)
    {
        var error = Assert.Throws<PgClusterException>(() => Choose(request, nodes));
        Assert.Equal(Reason.NoSuitableNode, error.Reason);
        return error.Message;
    }

    private static ReadCandidate Node(
        string name, NodeRole role, long? lag, HealthState health = HealthState.Healthy, double? seconds = 0, Lsn? replayed = null) => new(
        new ClusterNode
        {
            Cluster = "c", Name = name, Host = "h", Port = 1, Role = role, State = NodeState.Running, LagBytes = lag, LagSeconds = seconds, ReplayLsn = replayed?.ToString(),
        },
        health,
        false,
        "seen");
}
