using PgCluster.Engine.Configuration;
using System.Globalization;
using PgCluster.Engine.Election;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Election;

/// <summary>
/// The acceptance cases of an election by id. A generation is a node's WAL position; a healthy node is one whose agent answers; an assigned one has more weight; a
/// node without a copy does not run as a standby. What does not map: PR-20 and PR-21 ask for a return to a preferred node by itself, which this product never does (PR-21 here: it stays); PR-24 and PR-25 are
/// about jobs and names of repositories. PR-26's row of a primary is the leader's key, and the demoted one that stays is /last-leader; the time of PR-27 is the lease here, and nothing
/// else is waited for; the three good looks of PR-32 are the observers' verdict. PR-36 and PR-37 are in SynchronousCasesTests, PR-39 in HealthWatchTests, PR-43 in ConfigBinderTests.
/// </summary>
public sealed class ElectionCasesTests
{
    // Nodes as name=generation, a star for assigned, an exclamation mark for one that does not answer, "none" for no copy. Every commit waited for one of all nodes.
    [Theory]
    [InlineData("PR-13", "g1=1 g2=0", "g1")]
    [InlineData("PR-14", "g1=1! g2=0", "-")]
    [InlineData("PR-15", "g1=0! g2=none g3=none", "-")]
    [InlineData("PR-16", "g1=0 g2=0", "g1")]
    [InlineData("PR-17", "g1=1 g2=1! g3=0", "-")]
    [InlineData("PR-17, all agents answer", "g1=1 g2=1 g3=0", "g1")]
    [InlineData("PR-18", "g1=1! g2=none g3=0", "-")]
    [InlineData("PR-19", "g1=2* g2=2* g3=2", "g1")]
    [InlineData("PR-20", "g1=2* g2=2", "g1")]
    [InlineData("PR-22", "g1=1* g2=2", "g2")]
    [InlineData("PR-23", "g1=1* g2=0", "g1")]
    [InlineData("PR-23, then without g1", "g1=1*! g2=0 g3=none", "-")]
    public void Among_nodes_of_which_one_has_acknowledged_every_commit(string id, string nodes, string winner)
    {
        Assert.NotEmpty(id);
        Assert.Equal(winner, Decide(nodes, "*").Winner ?? "-");
    }

    // Nobody waited for anybody: the one with the least to catch up wins, whoever is silent, as long as it is within the limit.
    [Theory]
    [InlineData("PR-14", "g1=1! g2=0", "g2")]
    [InlineData("PR-17", "g1=1 g2=1! g3=0", "g1")]
    [InlineData("PR-17, then without g1", "g1=1! g2=1 g3=0", "g2")]
    [InlineData("PR-19", "g1=2*! g2=2* g3=2", "g2")]
    [InlineData("PR-20", "g1=2*! g2=2 g3=none", "g2")]
    [InlineData("PR-28", "g1=5! g2=5", "g2")]
    [InlineData("PR-28, both down", "g1=5! g2=5!", "-")]
    [InlineData("PR-30, the smaller lag", "g1=3 g2=4", "g2")]
    [InlineData("PR-30, one behind or no copy", "g1=none g2=4", "g2")]
    [InlineData("PR-30, no data", "g1=0 g2=0", "g1")]
    public void Among_nodes_that_nobody_waited_for(string id, string nodes, string winner)
    {
        Assert.NotEmpty(id);
        Assert.Equal(winner, Decide(nodes, "").Winner ?? "-");
    }

    [Fact]
    public void PR_18_and_PR_23_nobody_takes_over_and_the_last_leader_stays_on_record()
    {
        var verdict = Decide("g1=1! g2=0 g3=0", "*");

        Assert.Null(verdict.Winner);
        Assert.All(verdict.Candidates, c => Assert.NotEmpty(c.Reasons));
        Assert.Equal(NodeAction.None, NodeDecider.Decide(Standby() with { LastLeader = Last, Leader = null, Mode = FailoverMode.Manual }));
    }

    [Fact]
    public void PR_21_a_node_that_comes_back_does_not_take_the_lead_back() =>
        Assert.Equal(NodeAction.Follow, NodeDecider.Decide(Standby() with { Leader = new LeaderRecord("g2", 2, "t"), LastLeader = Last, LeaderIsPrimary = true, LeaderStreams = true }));

    [Fact]
    public void PR_28_as_long_as_the_lease_lives_nobody_is_elected() =>
        Assert.Equal(NodeAction.None, NodeDecider.Decide(Standby() with { Leader = new LeaderRecord("p", 1, "t"), LastLeader = Last, LeaderIsPrimary = false }));

    [Fact]
    public void PR_29_whoever_led_before_may_be_elected_again() =>
        Assert.Equal("g1", Decide("g1=5 g2=4", "", new LastLeader("g1", 1, "t")).Winner);

    [Fact]
    public void PR_31_without_automatic_failover_the_primary_stays_fixed() =>
        Assert.Equal(NodeAction.None, NodeDecider.Decide(Standby() with { LastLeader = Last, Mode = FailoverMode.Manual }));

    [Fact]
    public void PR_26_a_cluster_of_one_node_leads_at_once_and_once_it_has_left_nobody_does()
    {
        var running = new NodeSituation("p", new PostgresStatus { State = NodeState.Running, Role = NodeRole.Primary, Timeline = 1 }) { MayBegin = true };
        Assert.Equal(NodeAction.Lead, NodeDecider.Decide(running));

        // A person stopped it: it gives the leadership back, stays down, and who led is still known.
        var stopped = running with { Server = running.Server with { State = NodeState.Stopped }, Leader = new LeaderRecord("p", 1, "t"), LastLeader = Last, HoldsSeat = true };
        Assert.Equal(NodeAction.HandOver, NodeDecider.Decide(stopped));
        stopped = stopped with { Leader = null, HoldsSeat = false, LastLeader = Last with { Left = "PostgreSQL was stopped" } };
        Assert.Equal(NodeAction.None, NodeDecider.Decide(stopped));
        Assert.Null(Decide("p=1!", "", stopped.LastLeader).Winner);
    }

    [Fact]
    public void PR_27_once_the_lease_has_ended_an_election_waits_for_nothing_else() =>
        Assert.Equal(NodeAction.Elect, NodeDecider.Decide(Standby() with { LastLeader = Last, OthersHadTheirChance = false }));

    [Theory]
    [InlineData(null, false, "p")]
    [InlineData(false, false, "g1")]
    // It is a standby by then, and no better than another before the observers agree that it is well.
    [InlineData(true, false, "p")]
    [InlineData(true, true, "-")]
    public void PR_32_a_primary_that_is_not_well_is_replaced_and_leads_again_only_once_it_is_well(bool? well, bool silent, string winner)
    {
        var nodes = new[] { "p=5", "g1=5" }.Select(n => Node(silent ? n + "!" : n) with { Healthy = n[0] == 'p' ? well : null, Weight = n[0] == 'p' ? 1 : 0 }).ToArray();

        Assert.Equal(winner, ElectionPolicy.Decide(new ElectionSituation(nodes, Last, SynchronousPolicyRecord.Parse("p", 1, ""), 0)).Winner ?? "-");
    }

    [Fact]
    public void PR_32_a_primary_that_crashed_is_recovered_or_handed_over_at_the_first_look() =>
        Assert.Equal(NodeAction.Recover, NodeDecider.Decide(new NodeSituation("p", new PostgresStatus { State = NodeState.Crashed, Role = NodeRole.Primary, Timeline = 1 })
        {
            Leader = new LeaderRecord("p", 1, "t"), LastLeader = Last, HoldsSeat = true,
        }));

    private static readonly LastLeader Last = new("p", 1, "t");

    private static NodeSituation Standby() => new("g1", new PostgresStatus { State = NodeState.Running, Role = NodeRole.Standby, Timeline = 1 });

    private static ElectionVerdict Decide(string nodes, string synchronous, LastLeader? last = null) => ElectionPolicy.Decide(new ElectionSituation(
        [.. nodes.Split(' ').Select(Node)],
        last ?? Last,
        SynchronousPolicyRecord.Parse((last ?? Last).Node, 1, synchronous),
        long.MaxValue));

    private static ElectionNode Node(string text)
    {
        var parts = text.TrimEnd('!').Split('=');
        var generation = parts[1].TrimEnd('*');
        var vote = text.EndsWith('!') ? null : new PostgresStatus
        {
            State = generation == "none" ? NodeState.Stopped : NodeState.NotStreaming,
            Role = NodeRole.Standby,
            Timeline = 1,
            Lsn = generation == "none" ? null : new Lsn(ulong.Parse(generation, CultureInfo.InvariantCulture)),
        };
        return new ElectionNode(parts[0], "", parts[1].EndsWith('*') ? 1 : 0, vote, "silence");
    }
}
