using PgCluster.Engine.Health;

namespace PgCluster.Tests.Unit.Health;

/// <summary>
/// Praefect's cases of consensus, as far as they are about nodes of one cluster. What does not map: a virtual storage is a cluster here, so the three of PR-1 are
/// three clusters with votes of their own; PR-7 and PR-8 are told twice, with Praefect's rule and with the default; the database transaction of PR-11 and PR-12 is
/// a write of one key, and both are integration tests against etcd.
/// </summary>
public sealed class HealthConsensusTests
{
    [Fact]
    public void PR1_Each_cluster_has_a_consensus_of_its_own()
    {
        Assert.Equal(["G1", "G2"], new Clinic().Round("P1", ("G1", true), ("G2", true)).Healthy);
        Assert.Equal(["G1"], new Clinic().Round("P1", ("G1", true), ("G2", false)).Healthy);
        Assert.Empty(new Clinic().Round("P1", ("G1", false), ("G2", false)).Healthy);
    }

    [Fact]
    public void PR2_A_node_that_becomes_well_is_healthy()
    {
        var clinic = new Clinic().Round("P1", ("G1", false));
        Assert.Empty(clinic.Healthy);
        Assert.Equal(HealthState.Unhealthy, clinic.See().Of("G1").State);
        Assert.Equal(["G1"], clinic.Round("P1", ("G1", true)).Healthy);
    }

    [Fact]
    public void PR3_A_node_that_fails_stays_healthy_for_the_grace_period() =>
        Assert.Equal(["G1"], new Clinic().Round("P1", ("G1", true)).After(9.999).Round("P1", ("G1", false)).Healthy);

    [Fact]
    public void PR4_And_no_longer() =>
        Assert.Empty(new Clinic().Round("P1", ("G1", true)).After(10).Round("P1", ("G1", false)).Healthy);

    [Fact]
    public void PR5_Observers_that_have_stopped_looking_lose_their_vote()
    {
        var clinic = new Clinic().Round("P1", ("G1", false)).Round("P2", ("G1", false)).After(59.999).Round("P3", ("G1", true));
        Assert.Empty(clinic.Healthy);
        Assert.Equal(["P1", "P2", "P3"], clinic.See().Voters);

        clinic.After(0.001).Round("P3", ("G1", true));
        Assert.Equal(["G1"], clinic.Healthy);
        Assert.Equal(["P3"], clinic.See().Voters);
    }

    [Fact]
    public void PR6_Who_does_not_know_a_node_votes_against_it()
    {
        var onlyThird = new Clinic().Round("P1", ("G1", true)).Round("P2", ("G1", true)).Round("P3", ("G1", true), ("G2", true));
        Assert.Equal(["G1"], onlyThird.Healthy);
        Assert.Equal("does not know this node", onlyThird.See().Of("G2").Votes[0].Evidence);
        Assert.Equal(["G1", "G2"], new Clinic().Round("P1", ("G1", true), ("G2", true)).Round("P2", ("G1", true), ("G2", true)).Round("P3", ("G1", true)).Healthy);
    }

    [Theory]
    [InlineData(QuorumRule.HalfOrMore, true)]
    [InlineData(QuorumRule.StrictMajority, false)]
    public void PR7_Of_two_voters_one_is_enough_for_half_and_not_for_a_majority(QuorumRule rule, bool oneOfTwo)
    {
        var clinic = new Clinic { Rule = rule }.Round("P1", ("G1", false));
        Assert.Empty(clinic.Healthy);
        Assert.Equal(oneOfTwo ? ["G1"] : [], clinic.Round("P2", ("G1", true)).Healthy);
        Assert.Equal(["G1"], clinic.Round("P3", ("G1", true)).Healthy);
    }

    [Theory]
    [InlineData(QuorumRule.HalfOrMore, true)]
    [InlineData(QuorumRule.StrictMajority, false)]
    public void PR8_Votes_against_add_up(QuorumRule rule, bool oneOfTwo)
    {
        var clinic = new Clinic { Rule = rule }.Round("P1", ("G1", true));
        Assert.Equal(["G1"], clinic.Healthy);
        Assert.Equal(oneOfTwo ? ["G1"] : [], clinic.Round("P2", ("G1", false)).Healthy);
        Assert.Empty(clinic.Round("P3", ("G1", false)).Healthy);
    }

    [Fact]
    public void PR10_Nodes_join_and_leave_as_they_are_seen()
    {
        var clinic = new Clinic().Round("P1", ("G1", true), ("G2", false));
        Assert.Equal(["G1"], clinic.Healthy);
        Assert.Equal(["G1", "G2"], clinic.Round("P1", ("G1", true), ("G2", true)).Healthy);
        Assert.Equal(["G1", "G2"], clinic.Round("P1", ("G1", true), ("G2", true)).Healthy);
        Assert.Equal(["G2"], clinic.After(10).Round("P1", ("G1", false), ("G2", true)).Healthy);
    }

    [Theory]
    [InlineData(QuorumRule.HalfOrMore, new[] { 1, 1, 1, 2, 2, 3, 3, 4 })]
    [InlineData(QuorumRule.StrictMajority, new[] { 1, 1, 2, 2, 3, 3, 4, 4 })]
    public void Votes_needed_of_none_to_seven(QuorumRule rule, int[] needed) =>
        Assert.Equal(needed, Enumerable.Range(0, 8).Select(voters => HealthConsensus.Needed(rule, voters)));

    [Fact]
    public void Nobody_is_called_unhealthy_when_too_few_speak()
    {
        Assert.Equal(HealthState.Unknown, new Clinic().See("G1").Of("G1").State);
        Assert.False(new Clinic().See("G1").HasQuorum);
        Assert.Equal(HealthState.Unknown, new Clinic().See().Of("G9").State);

        // Two of three fell silent, with the store gone for a while: the third, back first, does not decide alone.
        var clinic = new Clinic().Round("P1", ("G1", true)).Round("P2", ("G1", true)).Round("P3", ("G1", true)).After(15).Round("P1", ("G1", false));
        Assert.Equal(HealthState.Unknown, clinic.See().Of("G1").State);
        Assert.Equal(["P1"], clinic.See().Present);
        Assert.False(clinic.See().HasQuorum);
        Assert.Equal(HealthState.Unhealthy, clinic.Round("P2", ("G1", false)).See().Of("G1").State);
        Assert.True(clinic.See().HasQuorum);
    }

    [Fact]
    public void A_reader_adds_the_time_it_has_had_a_report()
    {
        var report = new HealthReport("P1", default, [new HealthVote("G1", 500, 2500, true, true, true, 1, "well")]);
        var vote = HealthConsensus.Judge([new ObserverView(report, TimeSpan.FromSeconds(4))], [], new()).Of("G1").Votes.Single();

        Assert.Equal(4.5, vote.AttemptAgeSeconds);
        Assert.Equal(6.5, vote.SuccessAgeSeconds);
        Assert.True(vote.Healthy);
        Assert.Equal(HealthState.Healthy, Judge(7.499));
        Assert.Equal(HealthState.Unhealthy, Judge(7.5));
        Assert.Equal(HealthState.Unknown, Judge(9.5));

        HealthState Judge(double since) => HealthConsensus.Judge([new ObserverView(report, TimeSpan.FromSeconds(since))], [], new()).Of("G1").State;
    }

    [Fact]
    public void A_report_reads_back_as_it_was_and_nothing_else_is_taken_for_one()
    {
        var report = new HealthReport("P1", DateTimeOffset.UnixEpoch, [new HealthVote("G1", 1.5, null, false, true, false, 2, "half")]);
        var back = HealthReport.FromJson(report.ToJson())!;
        Assert.Equal((report.Observer, report.WrittenAt), (back.Observer, back.WrittenAt));
        Assert.Equal(report.Votes, back.Votes);
        Assert.All(["", "{}", "null", "[]", "{\"observer\":\"P1\"}", "{\"votes\":[]}"], text => Assert.Null(HealthReport.FromJson(text)));
    }
}
