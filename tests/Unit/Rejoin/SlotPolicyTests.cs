using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Tests.Unit.Rejoin;

public sealed class SlotPolicyTests
{
    private static readonly ClusterConfig Config = new()
    {
        Name = "c",
        Nodes = [Node("pg01"), Node("pg02"), Node("pg03")],
        Rejoin = new RejoinConfig { SlotWalLimit = 1000 },
    };

    private static readonly IReadOnlySet<string> Nobody = new HashSet<string>();

    [Fact]
    public void Wal_is_kept_for_every_other_node()
    {
        Assert.Equal(["pg02", "pg03"], SlotPolicy.Kept(Config, "pg01", Primary(), Nobody));
        Assert.Equal(["pg01", "pg03"], SlotPolicy.Kept(Config, "pg02", Primary() with { Role = NodeRole.Standby }, Nobody));
        Assert.Empty(SlotPolicy.Kept(Config with { Rejoin = new RejoinConfig { Slots = false } }, "pg01", Primary(), Nobody));
    }

    [Theory]
    [InlineData(4000, false, false, true)]
    [InlineData(3999, false, false, false)]
    [InlineData(3000, true, false, true)]
    [InlineData(3000, false, true, true)]
    public void A_leader_gives_up_a_node_that_would_fill_its_disk(ulong keptFrom, bool active, bool streams, bool isKept)
    {
        var server = Primary(Slot("pgcluster_pg02", keptFrom, active)) with { Standbys = streams ? [Streaming("pg02")] : [] };
        Assert.Equal(isKept, SlotPolicy.Kept(Config, "pg01", server, Nobody).Contains("pg02"));
        Assert.Contains("pg02", SlotPolicy.Kept(Config, "pg01", server with { Role = NodeRole.Standby }, Nobody));
    }

    [Fact]
    public void A_node_that_was_given_up_gets_its_slot_again_when_it_streams()
    {
        var givenUp = new HashSet<string> { "pg02" };
        Assert.DoesNotContain("pg02", SlotPolicy.Kept(Config, "pg01", Primary(), givenUp));
        Assert.Contains("pg02", SlotPolicy.Kept(Config, "pg01", Primary() with { Standbys = [Streaming("pg02")] }, givenUp));
    }

    [Fact]
    public void Slots_of_others_are_none_of_ours()
    {
        var there = Primary(Slot("pgcluster_pg02", 1), Slot("pgcluster_pg03", 1), Slot("barman", 1), new ReplicationSlot("pgcluster_logical", true, false, false));
        Assert.False(SlotPolicy.Differ(there, ["pg02", "pg03"]));
        Assert.True(SlotPolicy.Differ(there, ["pg02"]));
        Assert.True(SlotPolicy.Differ(there, ["pg02", "pg03", "pg04"]));
        Assert.True(SlotPolicy.Differ(Primary(Slot("pgcluster_pg02", null)), ["pg02"]));
    }

    [Theory]
    [InlineData("", 1L, true, "pgcluster_pg02")]
    [InlineData("pgcluster_pg02", null, true, "")]
    [InlineData("pgcluster_pg02", 1L, false, "")]
    [InlineData("of_an_operator", 1L, true, null)]
    [InlineData(null, 1L, true, "pgcluster_pg02")]
    public void A_standby_streams_through_its_slot_where_the_leader_has_one(string? present, long? keptFrom, bool slots, string? expected)
    {
        var config = Config with { Rejoin = new RejoinConfig { Slots = slots } };
        var standby = Primary() with { Role = NodeRole.Standby, UpstreamSlot = present };
        Assert.Equal(expected, SlotPolicy.ToStreamThrough(config, "pg02", standby, [Slot("pgcluster_pg02", (ulong?)keptFrom)]));
        Assert.NotEqual("pgcluster_pg02", SlotPolicy.ToStreamThrough(config, "pg02", standby, [Slot("pgcluster_pg03", 1)]));
    }

    private static NodeConfig Node(string name) => new() { Name = name, Host = name, Agent = new HostPort(name, 1), Http = new HostPort(name, 2) };

    private static PostgresStatus Primary(params ReplicationSlot[] slots) =>
        new() { State = NodeState.Running, Role = NodeRole.Primary, Lsn = new Lsn(5000), Slots = slots };

    private static ReplicationSlot Slot(string name, ulong? keptFrom, bool active = false) =>
        new(name, false, active, false) { RestartLsn = keptFrom is { } lsn ? new Lsn(lsn) : null };

    private static ReplicationPeer Streaming(string name) => new(name, "streaming", SyncState.Async, null, null, null);
}
