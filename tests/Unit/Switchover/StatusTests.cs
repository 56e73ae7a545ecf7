using System.Collections.Immutable;
using PgCluster.Engine.Switchover;
using static PgCluster.Tests.Unit.Switchover.Messages;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class StatusTests
{
    private static readonly Guid Current = Id(101);
    private static readonly Guid Next = Id(102);
    private static readonly DateTimeOffset Now = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);

    public static TheoryData<Guid, Guid, string?> Ids => new()
    {
        { Current, Next, null },
        { Id(1), Next, "db-url is invalid" },
        { Current, Id(1), "next-db-url is invalid" },
        { Next, Current, "next-db-url is invalid" },
        { Guid.Empty, Next, "db-url is invalid" },
        { Current, Guid.Empty, "next-db-url is invalid" },
        { Guid.Empty, Guid.Empty, "next-db-url is invalid" },
    };

    [Theory]
    [MemberData(nameof(Ids))]
    public void SW_4_both_databases_have_to_be_the_right_ones(Guid current, Guid next, string? expected) =>
        Assert.Equal(expected, NodeValidation.CheckIds(Data(current, next), Current, Next));

    [Fact]
    public void SW_5_a_name_is_mapped_to_its_node()
    {
        var (node, connection) = StatusAggregator.Identify(new("foobar", IsNext: true, 3));
        Assert.Equal("unknown-foobar", node);
        Assert.Equal(new SwitchoverConnectionCount { Name = "foobar", IsNext = true, Count = 3 }, connection);

        var name = Name(1, 'B');
        (node, connection) = StatusAggregator.Identify(new(name, IsNext: false, 2));
        Assert.Equal(Node(1).ToString(), node);
        Assert.Equal(new SwitchoverConnectionCount { Name = name, Version = "1.0.0", Type = "B", IsNext = false, Count = 2 }, connection);
    }

    [Theory]
    [InlineData("", "node is not connected to any DB")]
    [InlineData("1.0.0:", "invalid connection type: ")]
    [InlineData("1.0.0:AB", "invalid connection type: AB")]
    [InlineData("1.0.0:B:next", "node has invalid connection type: B")]
    [InlineData("1.0.0:D", "node has invalid connection type: D")]
    [InlineData("1.0.0:X", "node has invalid connection type: X")]
    [InlineData("1.0.0:D:next", null)]
    [InlineData("1.0.0:A,1.0.1:B", "node has multiple versions: 1.0.0 and 1.0.1")]
    [InlineData("1.0.0:A,1.0.0:B,1.0.0:C:next", null)]
    public void SW_6_connections_have_to_be_where_they_belong(string connections, string? expected)
    {
        var list = connections.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(text => text.Split(':')).Select(parts =>
            new SwitchoverConnectionCount { Name = "x", Version = parts[0], Type = parts[1], IsNext = parts.Length > 2, Count = 1 }).ToList();

        Assert.Equal(expected, NodeValidation.CheckConnections(list));
    }

    [Fact]
    public void SW_7_participants_and_strangers_come_together()
    {
        var view = SwitchoverView.Initial with
        {
            Leader = Node(2),
            Nodes = ImmutableSortedDictionary<Guid, SwitchoverNodeData>.Empty
                .Add(Node(1), Data(Current, Next) with { StartedAt = Now.AddMinutes(-1), CanExec = false })
                .Add(Node(2), Data(Current, Next) with { StartedAt = Now.AddMinutes(-2) })
                .Add(Node(3), Data(Current, Next) with { StartedAt = Now.AddMinutes(-3), CanExec = false }),
        };
        ObservedConnection[] connections =
        [
            new(Name(2, 'D'), true, 1), new("psql", false, 2), new(Name(1, 'B'), false, 4), new(Name(1, 'A'), false, 1), new(Name(2, 'A'), false, 1),
        ];

        var nodes = StatusAggregator.Aggregate(view, connections, Current, Next, Now);

        Assert.Equal([Node(1).ToString(), Node(2).ToString(), Node(3).ToString(), "unknown-psql"], nodes.Select(node => node.Id));
        Assert.Equal([60.0, 120.0, 180.0, null], nodes.Select(node => node.UptimeSeconds));
        Assert.Equal([false, true, false, false], nodes.Select(node => node.IsLeader));
        Assert.Equal([false, true, false, false], nodes.Select(node => node.CanExec));
        Assert.Equal([null, null, "node is not connected to any DB", null], nodes.Select(node => node.ConfigError));
        Assert.Equal([Name(1, 'A'), Name(1, 'B')], nodes[0].Connections.Select(connection => connection.Name));
        Assert.Equal([1, 4], nodes[0].Connections.Select(connection => connection.Count));
        Assert.Equal([false, true], nodes[1].Connections.Select(connection => connection.IsNext));
        Assert.Empty(nodes[2].Connections);
        Assert.Equal([2], nodes[3].Connections.Select(connection => connection.Count));
    }

    private static string Name(int node, char type) => new ConnectionTag { Version = "1.0.0", Type = type, Id = Node(node) }.Format();

    private static SwitchoverNodeData Data(Guid current, Guid next) => new() { CanExec = true, CurrentDbId = current, NextDbId = next, StartedAt = Now };
}
