using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Leadership;

public sealed class CrashRuleTests
{
    private static readonly SynchronousPolicyRecord Policy = SynchronousPolicyRecord.Parse("pg01", 1, "FIRST 1 (pg02, pg03)");

    [Theory]
    // By default it hands over when a synchronous standby has every commit.
    [InlineData(CrashPolicy.Automatic, true, 1, true)]
    [InlineData(CrashPolicy.Automatic, true, 0, false)]
    [InlineData(CrashPolicy.Automatic, false, 1, false)]
    [InlineData(CrashPolicy.Failover, true, 0, true)]
    [InlineData(CrashPolicy.Failover, false, 0, true)]
    [InlineData(CrashPolicy.Restart, true, 1, false)]
    public void Hands_over_or_restarts(CrashPolicy crash, bool synchronous, int standbys, bool expected)
    {
        var config = Config() with { Failover = new FailoverConfig { PrimaryCrash = crash } };
        var last = new PostgresStatus
        {
            State = NodeState.Running,
            Standbys = [.. Enumerable.Range(2, standbys).Select(i => new ReplicationPeer($"pg0{i}", "streaming", SyncState.Sync, null, null, null))],
        };

        Assert.Equal(expected, CrashRule.HandsOver(config, config.Nodes[0], synchronous ? Policy : null, last));
    }

    [Fact]
    public void An_agent_that_has_not_seen_it_serve_goes_by_the_record()
    {
        Assert.True(CrashRule.HandsOver(Config(), Config().Nodes[0], Policy, null));
        Assert.False(CrashRule.HandsOver(Config(), Config().Nodes[0], null, null));
    }

    [Fact]
    public void Where_nobody_else_may_lead_it_never_hands_over_and_nothing_stops_it()
    {
        var failover = new FailoverConfig { PrimaryCrash = CrashPolicy.Failover };
        ClusterConfig[] alone =
        [
            Config() with { Failover = failover, Nodes = [Node("pg01")] },
            Config() with { Failover = failover, Nodes = [Node("pg01"), Node("pg02") with { NoFailover = true }] },
            Config() with { Failover = failover with { Mode = FailoverMode.Manual } },
        ];

        Assert.All(alone, config => Assert.False(CrashRule.AnotherMayTakeOver(config, config.Nodes[0])));
        Assert.All(alone, config => Assert.False(CrashRule.HandsOver(config, config.Nodes[0], Policy, null)));
        Assert.True(CrashRule.AnotherMayTakeOver(Config(), Config().Nodes[0]));
    }

    private static ClusterConfig Config() => new() { Name = "c", Nodes = [Node("pg01"), Node("pg02"), Node("pg03")] };

    private static NodeConfig Node(string name) => new() { Name = name, Host = name, Agent = new HostPort(name, 8432), Http = new HostPort(name, 8433) };
}
