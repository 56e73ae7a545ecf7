using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using PgCluster.Engine.Election;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Unit.Election;

public sealed class ElectionPolicyTests
{
    private static readonly LastLeader Lost = new("pg01", 1, "t", new Lsn(1000));

    // A vote is name@timeline/bytes; "-" behind a name is silence. Synchronous is how pg01 ran.
    [Theory]
    // The most WAL wins; then the name.
    [InlineData("pg02@1/900 pg03@1/800", "FIRST 1 (pg02, pg03)", "pg02")]
    [InlineData("pg02@1/800 pg03@1/900", "FIRST 1 (pg02, pg03)", "pg03")]
    [InlineData("pg02@1/900 pg03@1/900", "FIRST 1 (pg02, pg03)", "pg02")]
    // The highest timeline goes before the most WAL.
    [InlineData("pg02@2/800 pg03@1/900", "", "pg02")]
    // One of two that may have acknowledged is silent: it may have what the other lacks.
    [InlineData("pg02@1/900 pg03-", "FIRST 1 (pg02, pg03)", "-")]
    [InlineData("pg02- pg03@1/900", "ANY 1 (pg02, pg03)", "-")]
    // Both had to acknowledge, so either is enough.
    [InlineData("pg02@1/900 pg03-", "FIRST 2 (pg02, pg03)", "pg02")]
    [InlineData("pg02@1/900", "pg02", "pg02")]
    // Outside the set: never, also with more WAL.
    [InlineData("pg02@1/900 pg03@1/950", "FIRST 1 (pg02)", "pg02")]
    [InlineData("pg02- pg03@1/950", "FIRST 1 (pg02)", "-")]
    [InlineData("pg02@1/900 pg03@1/950", "*", "pg03")]
    // Nobody waited for anybody: the most WAL, within the limit of 500.
    [InlineData("pg02@1/900 pg03-", "", "pg02")]
    [InlineData("pg02@1/400 pg03-", "", "-")]
    [InlineData("pg02@1/500 pg03-", "", "pg02")]
    public void Who_wins(string votes, string synchronous, string winner) =>
        Assert.Equal(winner, ElectionPolicy.Decide(Situation(votes, synchronous)).Winner ?? "-");

    [Fact]
    public void Weight_then_another_failure_domain_then_name_decide_between_equals()
    {
        var situation = Situation("pg02@1/900 pg03@1/900 pg04@1/900", "");

        Assert.Equal(["pg04", "pg02", "pg03"], Ranked(Change(situation, "pg04", n => n with { Weight = 1 })));
        Assert.Equal(["pg03", "pg04", "pg02"], Ranked(Change(Change(situation, "pg02", n => n with { FailureDomain = "a" }), "pg01", n => n with { FailureDomain = "a" })));
        Assert.Equal(["pg02", "pg03", "pg04"], Ranked(situation));
    }

    [Fact]
    public void Every_node_that_may_not_lead_has_its_reason()
    {
        var situation = Situation("pg02@1/900 pg03@1/900 pg04@1/900 pg05- pg06@1/900", "") with { LastLeader = Lost };
        situation = Change(situation, "pg02", n => n with { Barred = "is marked no_failover" });
        situation = Change(situation, "pg03", n => n with { Vote = n.Vote! with { ReplayPaused = true } });
        situation = Change(situation, "pg04", n => n with { Healthy = false });
        situation = Change(situation, "pg06", n => n with { Vote = n.Vote! with { ApplyDelayMs = 60000 } });

        var verdict = ElectionPolicy.Decide(situation);

        Assert.Null(verdict.Winner);
        Assert.All(verdict.Candidates, c => Assert.False(c.Eligible));
        string Why(string node) => string.Join(", ", verdict.Candidates.Single(c => c.Node == node).Reasons);
        Assert.Equal("is marked no_failover", Why("pg02"));
        Assert.Equal("its replay is paused", Why("pg03"));
        Assert.Equal("the observers agree that it is not healthy", Why("pg04"));
        Assert.Equal("silence", Why("pg05"));
        Assert.Equal("recovery_min_apply_delay is 60000 ms", Why("pg06"));
        Assert.Equal("it is gone", Why("pg01"));
    }

    [Fact]
    public void A_data_directory_of_another_cluster_never_wins()
    {
        var situation = Situation("pg02@1/900 pg03@1/100 pg04@1/100", "");
        situation = Change(situation, "pg02", n => n with { Vote = n.Vote! with { SystemIdentifier = "other" } });

        Assert.Contains("another cluster", ElectionPolicy.Decide(situation).Candidates.Single(c => c.Node == "pg02").Reasons[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_cluster_that_nobody_has_led_elects_nobody() =>
        Assert.Null(ElectionPolicy.Decide(Situation("pg02@1/900", "") with { LastLeader = null }).Winner);

    [Fact]
    public void A_leader_that_nothing_stops_is_not_replaced() =>
        Assert.Null(ElectionPolicy.Decide(Situation("pg02@1/900", "") with { LastLeader = Lost with { Unguarded = true } }).Winner);

    [Fact]
    public void A_leader_that_nothing_stops_may_lead_again_itself_when_it_is_a_standby()
    {
        // It took the leadership over and was never promoted.
        var situation = Situation("pg01@1/900 pg02@1/900", "") with { LastLeader = Lost with { Unguarded = true } };
        Assert.Equal("pg01", ElectionPolicy.Decide(situation).Winner);
        Assert.Null(ElectionPolicy.Decide(situation with { Nodes = [.. situation.Nodes.Where(n => n.Name != "pg01")] }).Winner);
    }

    [Fact]
    public void A_leader_that_gave_the_leadership_back_had_stopped_guarded_or_not() =>
        Assert.Equal("pg02", ElectionPolicy.Decide(Situation("pg02@1/900", "") with { LastLeader = Lost with { Unguarded = true, Left = "PostgreSQL was stopped" } }).Winner);

    [Fact]
    public void A_leader_that_never_said_how_it_ran_vouches_for_nothing() =>
        Assert.Null(ElectionPolicy.Decide(Situation("pg02@1/900 pg03@1/900", "") with { Synchronous = null }).Winner);

    [Fact]
    public void A_policy_of_another_leader_vouches_for_nothing() =>
        Assert.Null(ElectionPolicy.Decide(Situation("pg02@1/900 pg03@1/900", "FIRST 1 (pg02, pg03)") with { LastLeader = Lost with { Node = "pg02" } }).Winner);

    [Fact]
    public void A_leader_that_never_came_to_be_promoted_may_be_elected_again()
    {
        // pg02 took over from pg01 and died before it was promoted: what pg01 acknowledged still has to be found.
        var situation = Situation("pg02@1/900 pg03@1/900", "") with
        {
            LastLeader = new LastLeader("pg02", 2, "t"),
            Synchronous = SynchronousPolicyRecord.Parse("pg02", 2, "FIRST 1 (pg01, pg03)") with { Previous = SynchronousPolicyRecord.Parse("pg01", 1, "FIRST 1 (pg02, pg03)") },
        };

        Assert.Equal("pg02", ElectionPolicy.Decide(situation).Winner);

        // Alone it may lack what pg03 acknowledged, and pg03 alone what pg02 did.
        Assert.Null(ElectionPolicy.Decide(Change(situation, "pg03", n => n with { Vote = null })).Winner);
        Assert.Null(ElectionPolicy.Decide(Change(situation, "pg02", n => n with { Vote = null })).Winner);
    }

    [Fact]
    public void A_winner_has_every_acknowledged_commit_whoever_has_voted()
    {
        // N standbys, any W of which acknowledged each commit; some are silent. Whoever wins has received the last acknowledged commit.
        var cases = from n in Gen.Choose(1, 6)
                    from w in Gen.Choose(1, n)
                    from received in Gen.Choose(0, 5).ListOf(n)
                    from silent in Gen.Elements(true, false).ListOf(n)
                    select (W: w, Received: received.ToArray(), Silent: silent.ToArray());
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var names = Enumerable.Range(0, c.Received.Length).Select(i => $"s{i}").ToArray();

            // The furthest position that W of them have reached is what may have been acknowledged.
            var acknowledged = c.Received.OrderDescending().ElementAt(c.W - 1);
            var votes = string.Join(' ', names.Select((s, i) => c.Silent[i] ? $"{s}-" : string.Create(CultureInfo.InvariantCulture, $"{s}@1/{c.Received[i]}")));
            var winner = ElectionPolicy.Decide(Situation(votes, $"ANY {c.W} ({string.Join(", ", names)})")).Winner;
            return winner is null || c.Received[Array.IndexOf(names, winner)] >= acknowledged;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void With_every_standby_there_somebody_wins()
    {
        var cases = from n in Gen.Choose(1, 6)
                    from w in Gen.Choose(1, n)
                    from received in Gen.Choose(0, 5).ListOf(n)
                    select (W: w, Received: received.ToArray());
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var votes = string.Join(' ', c.Received.Select((r, i) => string.Create(CultureInfo.InvariantCulture, $"s{i}@1/{r}")));
            var names = string.Join(", ", c.Received.Select((_, i) => $"s{i}"));
            return ElectionPolicy.Decide(Situation(votes, $"ANY {c.W} ({names})")).Winner is not null;
        }).QuickCheckThrowOnFailure();
    }

    private static string[] Ranked(ElectionSituation situation) => [.. ElectionPolicy.Decide(situation).Candidates.Where(c => c.Eligible).Select(c => c.Node)];

    private static ElectionSituation Change(ElectionSituation situation, string node, Func<ElectionNode, ElectionNode> change) =>
        situation with { Nodes = [.. situation.Nodes.Select(n => n.Name == node ? change(n) : n)] };

    private static ElectionSituation Situation(string votes, string synchronous) => new(
        [new ElectionNode("pg01", "", 0, null, "it is gone"), .. votes.Split(' ').Select(Node)],
        Lost, SynchronousPolicyRecord.Parse("pg01", 1, synchronous), 500);

    private static ElectionNode Node(string text)
    {
        if (text.EndsWith('-'))
        {
            return new ElectionNode(text[..^1], "", 0, null, "silence");
        }

        var parts = text.Split('@', '/');
        return new ElectionNode(parts[0], "", 0, new PostgresStatus
        {
            State = NodeState.NotStreaming,
            Role = NodeRole.Standby,
            Timeline = int.Parse(parts[1], CultureInfo.InvariantCulture),
            Lsn = new Lsn(ulong.Parse(parts[2], CultureInfo.InvariantCulture)),
            SystemIdentifier = "1",
        });
    }
}
