using PgCluster.Engine.Configuration;
using PgCluster.Engine.Health;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Readiness;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Readiness;

public sealed class ReadinessRuleTests
{
    private static ClusterView Sound => SampleView.Sound();

    public static TheoryData<string, ClusterView, string, string> Lacks => new()
    {
        { "nothing, as the primary", Sound, "pg01", "" },
        { "nothing, as a standby", Sound, "pg02", "" },
        { "membership", Sound, "pg09", "is no node of the cluster" },
        { "an agent", Sound.Silent("pg02"), "pg02", "its agent does not answer (connection refused)" },
        { "etcd", Sound with { Store = new StoreHealth(false, 0, []), Leader = null }, "pg02", "etcd does not answer, so that its role is not known" },
        { "a server", Sound.Down("pg02"), "pg02", "its PostgreSQL is Stopped (no postmaster runs)" },
        { "a server that streams", Sound.With("pg02", n => n with { State = NodeState.NotStreaming }), "pg02", "its PostgreSQL is NotStreaming" },
        { "a leader", Sound with { Leader = null }, "pg02", "no node leads, so that its role is not known" },
        { "its promotion", Sound with { Leader = new LeaderRecord("pg02", 6, "term") }, "pg02", "it leads, and its PostgreSQL does not run as the primary yet" },
        { "the new leader's promotion", Sound with { Leader = new LeaderRecord("pg02", 6, "term") }, "pg03", "pg02 leads, and does not run as the primary yet" },
        { "its demotion", Sound with { Leader = new LeaderRecord("pg02", 6, "term") }, "pg01", "its PostgreSQL runs as a primary, and pg02 leads" },
        { "the primary's server", Sound.Down("pg01"), "pg02", "pg01 leads, and does not run as the primary yet" },
        { "the primary's agent", Sound.Silent("pg01"), "pg02", "pg01 leads, and does not run as the primary yet" },
        { "a stream", Sound.Server("pg01", s => s with { Standbys = [] }), "pg02", "it does not stream from pg01" },
        { "a stream that has caught up", Sound.Server("pg01", s => s with { Standbys = [.. s.Standbys.Select(p => p with { State = "catchup" })] }), "pg02", "it does not stream from pg01 yet: catchup" },
        { "the timeline", Sound.With("pg02", n => n with { Timeline = 4 }), "pg02", "it is on timeline 4, and pg01 on 5" },
    };

    [Theory]
    [MemberData(nameof(Lacks))]
    public void A_node_lacks(string what, ClusterView view, string node, string expected)
    {
        var look = new ReadinessLook(ClusterManager.Native, view, Healthy("pg01", "pg02", "pg03"));

        Assert.Equal((what, expected), (what, string.Join(", and ", ReadinessRule.Judge(look, node, NodeCondition.Ready).Missing)));
        Assert.Equal((what, expected), (what, string.Join(", and ", ReadinessRule.Judge(look, node, NodeCondition.InRole).Missing)));
    }

    [Fact]
    public void A_node_that_is_ready_is_in_service_and_well_by_the_observers_word()
    {
        var view = Sound.With("pg02", n => n with { Suspended = "suspended by it@here: a new disk" });
        var look = new ReadinessLook(ClusterManager.Native, view, Healthy("pg01", "pg03"));

        var readiness = ReadinessRule.Judge(look, "pg02", NodeCondition.Ready);

        Assert.Equal(["it is suspended by it@here: a new disk", "0 of 3 observers see it well, and 2 are needed"], readiness.Missing);
        Assert.False(readiness.IsReady);
        Assert.True(ReadinessRule.Judge(look, "pg02", NodeCondition.InRole).IsReady);
        Assert.Equal(["what the observers see is not known"], ReadinessRule.Judge(look with { Consensus = null }, "pg01", NodeCondition.Ready).Missing);
    }

    [Fact]
    public void What_follows_from_something_else_is_not_said()
    {
        Assert.Single(ReadinessRule.Judge(new ReadinessLook(ClusterManager.Native, Sound.Silent("pg02"), Healthy("pg01", "pg03")), "pg02", NodeCondition.Ready).Missing);
        Assert.Single(ReadinessRule.Judge(new ReadinessLook(ClusterManager.Native, Sound with { Store = new StoreHealth(false, 0, []) }, null), "pg02", NodeCondition.Ready).Missing);
    }

    [Fact]
    public void Where_Pacemaker_decides_whoever_runs_as_the_only_primary_leads()
    {
        var look = new ReadinessLook(ClusterManager.Pacemaker, Sound with { Leader = null }, Healthy("pg01", "pg02", "pg03"));

        Assert.All(look.View.Nodes, n => Assert.True(ReadinessRule.Judge(look, n.Name, NodeCondition.Ready).IsReady));
    }

    [Fact]
    public void It_says_so_in_words()
    {
        Assert.Equal("pg02 is ready", new NodeReadiness("pg02", []).ToString());
        Assert.Equal("pg02: this, and that", new NodeReadiness("pg02", ["this", "that"]).ToString());
    }

    private static ConsensusView Healthy(params string[] nodes) => new(
        ["pg01", "pg02", "pg03"], ["pg01", "pg02", "pg03"], 2,
        [.. new[] { "pg01", "pg02", "pg03" }.Select(n => new HealthVerdict(n, nodes.Contains(n) ? HealthState.Healthy : HealthState.Unhealthy, nodes.Contains(n) ? 3 : 0, 2, []))]);
}
