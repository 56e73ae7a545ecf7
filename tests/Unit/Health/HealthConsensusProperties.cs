using FsCheck;
using FsCheck.Fluent;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Health;

namespace PgCluster.Tests.Unit.Health;

/// <summary>What holds of consensus whatever the observers say.</summary>
public sealed class HealthConsensusProperties
{
    private static readonly HealthConfig Times = new();

    /// <summary>Up to nine observers, each with ages around the limits, in seconds.</summary>
    private static readonly Arbitrary<(int Attempt, int Success)[]> Ages = (
        from count in Gen.Choose(0, 9)
        from ages in (from attempt in Gen.Elements(0, 5, 9, 10, 11, 59, 60, 61)
                      from later in Gen.Elements(0, 0, 1, 5, 10, 60)
                      select (attempt, attempt + later)).ArrayOf(count)
        select ages).ToArbitrary();

    private static readonly Arbitrary<QuorumRule> Rules = Gen.Elements(QuorumRule.StrictMajority, QuorumRule.HalfOrMore).ToArbitrary();

    [Fact]
    public void More_healthy_votes_never_make_a_node_unhealthy() => Prop.ForAll(Ages, Rules, (ages, rule) =>
    {
        var before = Judge(ages, rule).State;
        for (var i = 0; i < ages.Length; i++)
        {
            var better = ages.ToArray();
            better[i] = (0, 0);
            if (ages[i].Attempt < 60)
            {
                // A voter changes its mind for the better.
                Assert.False(before == HealthState.Healthy && Judge(better, rule).State != HealthState.Healthy);
            }
        }

        // Somebody new joins and sees it well.
        Assert.False(before == HealthState.Healthy && Judge([.. ages, (0, 0)], rule).State != HealthState.Healthy);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Two_groups_without_a_common_voter_never_both_have_a_strict_majority() => Prop.ForAll(Gen.Choose(1, 99).ToArbitrary(), Gen.Choose(0, 99).ToArbitrary(), (voters, group) =>
    {
        var one = Math.Min(group, voters);
        var needed = HealthConsensus.Needed(QuorumRule.StrictMajority, voters);
        Assert.False(one >= needed && voters - one >= needed);
        Assert.True(voters >= needed);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void With_half_or_more_two_groups_can_both_have_it() => Assert.Equal(2, HealthConsensus.Needed(QuorumRule.HalfOrMore, 4));

    [Fact]
    public void Nothing_is_healthy_that_too_few_have_seen_and_time_alone_never_makes_anything_healthy() => Prop.ForAll(Ages, Rules, (ages, rule) =>
    {
        var verdict = Judge(ages, rule);
        Assert.Equal(ages.Count(a => a.Attempt < 60), verdict.Votes.Count);
        Assert.Equal(ages.Count(a => a.Attempt < 60 && a.Success < 10), verdict.HealthyVotes);
        Assert.Equal(verdict.HealthyVotes >= verdict.Needed, verdict.IsHealthy);

        // Voters that leave make a majority of fewer; those that stay keep their word only as long as it is fresh.
        var later = Judge([.. ages.Select(a => (a.Attempt + 10, a.Success + 10))], rule);
        Assert.False(later.IsHealthy);
    }).QuickCheckThrowOnFailure();

    private static HealthVerdict Judge(IReadOnlyList<(int Attempt, int Success)> ages, QuorumRule rule) => HealthConsensus.Judge(
        [.. ages.Select((a, i) => new ObserverView(
            new HealthReport($"P{i}", default, [new HealthVote("G1", a.Attempt * 1000, a.Success * 1000, false, true, true, 1, "")]), TimeSpan.Zero))],
        ["G1"],
        Times with { Quorum = rule }).Of("G1");
}
