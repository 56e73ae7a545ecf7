using PgCluster.Engine.Nodes;
using PgCluster.Engine.Restart;

namespace PgCluster.Tests.Unit.Restart;

public sealed class RestartOrderTests
{
    public static TheoryData<string, RestartNode[], string[], string[]?> Cases => new()
    {
        { "nothing pending: asynchronous, synchronous, primary", [Primary(), Standby("pg02", sync: true), Standby("pg03")], ["pg01", "pg02", "pg03"], ["pg03", "pg02", "pg01"] },
        { "some only", [Primary(), Standby("pg02"), Standby("pg03")], ["pg03"], ["pg03"] },
        { "none", [Primary(), Standby("pg02")], [], [] },
        { "up everywhere", [Primary("200"), Standby("pg02", "200"), Standby("pg03", "200")], ["pg01", "pg02", "pg03"], ["pg02", "pg03", "pg01"] },
        { "down everywhere", [Primary("50"), Standby("pg02", "50"), Standby("pg03", "50")], ["pg01", "pg02", "pg03"], ["pg01", "pg02", "pg03"] },
        { "up on the primary, a standby left out", [Primary("200"), Standby("pg02", "200"), Standby("pg03", "200")], ["pg01", "pg02"], null },
        { "up on the primary alone", [Primary("200"), Standby("pg02")], ["pg01", "pg02"], null },
        { "down on a standby alone", [Primary(), Standby("pg02", "50")], ["pg01", "pg02"], null },
        { "up on a standby alone", [Primary(), Standby("pg02", "200")], ["pg02"], ["pg02"] },
        { "down on the primary alone", [Primary("50"), Standby("pg02")], ["pg01"], ["pg01"] },
        { "down, of the standbys only", [Primary("50"), Standby("pg02", "50")], ["pg02"], null },
        { "one up, one down", [Primary("200", "4"), Standby("pg02", "200", "4")], ["pg01", "pg02"], null },
        { "a standby has less already", [Primary(), Standby("pg02") with { Limits = Limits(50, 8) }], ["pg01", "pg02"], ["pg02", "pg01"] },
        { "what it will be is unknown", [Primary() with { Pending = [new("max_connections", "100", null)] }, Standby("pg02")], ["pg01", "pg02"], ["pg02", "pg01"] },
        { "another setting goes down", [Primary() with { Pending = [new("shared_buffers", "16384", "1024")] }, Standby("pg02")], ["pg01", "pg02"], ["pg02", "pg01"] },
        { "no primary", [Standby("pg02", "50"), Standby("pg03", "50")], ["pg02", "pg03"], ["pg02", "pg03"] },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void No_standby_ever_has_less_than_its_primary(string what, RestartNode[] nodes, string[] chosen, string[]? order)
    {
        var sequence = RestartOrder.Decide(nodes, chosen);

        Assert.True(order is null == sequence.Obstacle is not null, $"{what}: {sequence.Obstacle}");
        Assert.Equal(order ?? [.. sequence.Nodes.Select(n => n.Node)], sequence.Nodes.Select(n => n.Node));
        Assert.Equal(chosen.Order(), sequence.Nodes.Select(n => n.Node).Order());
    }

    [Fact]
    public void Each_place_has_its_reason()
    {
        var up = RestartOrder.Decide([Primary("200"), Standby("pg02", "200", sync: true)], ["pg01", "pg02"]).Nodes;
        Assert.Equal("a synchronous standby, after those that no commit waits for; max_connections: 100 -> 200", up[0].Why);
        Assert.Equal("the primary, in place, after the standbys; max_connections: 100 -> 200", up[1].Why);

        var down = RestartOrder.Decide([Primary("50"), Standby("pg02", "50")], ["pg01", "pg02"]).Nodes;
        Assert.Equal("the primary, in place, first: max_connections goes down, and a standby must not have less than its primary; max_connections: 100 -> 50", down[0].Why);
        Assert.Equal("a standby, after the primary; max_connections: 100 -> 50", down[1].Why);
    }

    [Fact]
    public void What_is_in_the_way_is_named()
    {
        var obstacle = RestartOrder.Decide([Primary("200"), Standby("pg02")], ["pg01"]).Obstacle;

        Assert.StartsWith("pg02 would have max_connections = 100 while pg01, the primary, has 200", obstacle, StringComparison.Ordinal);
    }

    private static RestartNode Primary(string? connections = null, string? senders = null) => Node("pg01", true, false, connections, senders);

    private static RestartNode Standby(string name, string? connections = null, string? senders = null, bool sync = false) => Node(name, false, sync, connections, senders);

    private static RestartNode Node(string name, bool isPrimary, bool isSynchronous, string? connections, string? senders) => new(
        name, isPrimary, isSynchronous, Limits(100, 8),
        [
            .. connections is null ? Array.Empty<PendingSetting>() : [new PendingSetting("max_connections", "100", connections)],
            .. senders is null ? Array.Empty<PendingSetting>() : [new PendingSetting("max_wal_senders", "8", senders)],
        ]);

    private static Dictionary<string, long> Limits(long connections, long senders) => new() { ["max_connections"] = connections, ["max_wal_senders"] = senders };
}
