using System.Globalization;
using PgCluster.Engine.Roles;

namespace PgCluster.Tests.Unit.Roles;

public sealed class RoleDeciderTests
{
    private static readonly RoleRequest Request = new();

    // What is expected: the role and its candidates, one after the other where calls follow; "none" for nothing, and whatever comes after the last is not looked at.
    [Theory]
    [InlineData("DQ-40", "Assume 2", "1V 2P", "none")]
    [InlineData("DQ-41", "Assume 3", "1V 2P 3P", "Voter 3")]
    [InlineData("DQ-42", "Assume 9", "1V 2V 3P", "none")]
    [InlineData("DQ-43", "Assume 4", "1V 2V 3V-off 4S", "none")]
    [InlineData("DQ-44", "Assume 4", "1V 2V 3V-off 4P", "Voter 4")]
    [InlineData("DQ-45", "Assume 4", "1V 2V 3V 4P", "StandBy 4")]
    [InlineData("DQ-46", "Assume 7", "1V 2V 3V 4S 5S 6S 7P", "none")]
    [InlineData("DQ-47", "Assume 7", "1V 2V 3V 4S 5S 6S-off 7P", "StandBy 7")]
    [InlineData("DQ-48", "Handover 1", "1V", "none")]
    [InlineData("DQ-49", "Handover 1", "1V 2P", "Voter 2")]
    [InlineData("DQ-50", "Handover 3", "1V(0) 2V(1) 3V(2) 4S(0) 5S(1) 6S(2)", "Voter 6,4,5")]
    [InlineData("DQ-51", "Handover 3", "1V 2V 3V 4S(0,10) 5P(0,5)", "Voter 5,4")]
    [InlineData("DQ-52", "Handover 5", "1V 2V 3V 4S 5S 6S 7P", "StandBy 7")]
    [InlineData("DQ-53", "Handover 4", "1V 2V 3V 4S 5P-off", "none")]
    [InlineData("DQ-54", "Adjust", "1V 2V", "Spare 2; none")]
    [InlineData("DQ-55", "Adjust", "1V 2P 3P", "Voter 2,3; Voter 3; none")]
    [InlineData("DQ-56", "Adjust", "1V 2V 3V-off 4S", "Voter 4; Spare 3; none")]
    [InlineData("DQ-57", "Adjust", "1V 2V 3V-off 4S-off", "none")]
    [InlineData("DQ-58", "Adjust", "1V(0) 2V(1) 3V-off(2) 4S(0) 5S(1) 6S(2)", "Voter 6,4,5")]
    [InlineData("DQ-59", "Adjust", "1V 2V 3V-off 4S(0,15) 5S(0,5) 6S(0,10)", "Voter 5,6,4")]
    [InlineData("DQ-60", "Adjust", "1V 2V 3V 4S 5S-off 6S 7P", "StandBy 7; Spare 5; none")]
    [InlineData("DQ-61", "Adjust", "1V(0,8) 2V(0,7) 3V(0,6) 4S(0) 5S(0) 6S(1,3) 7P(1,2) 8P(1,1)", "Voter 8,7,6; Spare 2,3; none")]
    [InlineData("DQ-62", "Adjust", "1V(0) 2V(1) 3V(2) 4S(3) 5S(4)", "none")]
    [InlineData("DQ-63", "Adjust", "1V 2V(0,3) 3V(0,9) 4V(0,1)", "Spare 3,2,4")]
    [InlineData("DQ-64", "Adjust", "1V 2V 3V 4S 5S 6S 7S", "Spare 7,6,5,4; none")]
    [InlineData("DQ-65", "Adjust", "1V 2V 3V 4S 5S-off", "none")]
    // The one voter besides the primary in the domain that has two: never the last voter of another.
    [InlineData("DQ-66", "Adjust", "1V(0) 2V(0) 3V(1) 4V(2)", "Spare 2; StandBy 2; none")]
    public void The_table(string id, string call, string state, string expected) => Check(id, call, state, expected, Request);

    [Theory]
    // Any number of voters, not only odd ones: two nodes that are asked for two make two.
    [InlineData(2, 3, "Adjust", "1V 2P", "Voter 2; none")]
    [InlineData(2, 3, "Adjust", "1V 2V", "none")]
    [InlineData(2, 3, "Assume 2", "1V 2P", "Voter 2")]
    [InlineData(1, 1, "Adjust", "1V 2V 3P", "Spare 2; StandBy 2,3; none")]
    [InlineData(4, 0, "Adjust", "1V 2P 3P 4P 5P", "Voter 2,3,4,5; Voter 3,4,5; Voter 4,5; none")]
    // A domain that could be covered only by a voter too many is left: it would have to go again.
    [InlineData(2, 0, "Adjust", "1V(0) 2V(1) 3V(1) 4P(2)", "Spare 3,2; none")]
    // Members without a domain share none.
    [InlineData(2, 1, "Adjust", "1V() 2V() 3P()", "StandBy 3; none")]
    [InlineData(2, 0, "Adjust", "1V(0) 2V(0) 3P()", "Voter 3; Spare 2; none")]
    // Never to be promoted: no voter, also where there are too few; it may stream.
    [InlineData(3, 3, "Adjust", "1V 2V-never 3P", "Voter 3; StandBy 2; none")]
    [InlineData(3, 3, "Adjust", "1V 2P-never 3P-never", "StandBy 2,3; StandBy 3; none")]
    [InlineData(2, 0, "Adjust", "1V 2V-off-never", "Spare 2; none")]
    [InlineData(3, 3, "Assume 4", "1V 2V 3P 4P-never", "StandBy 4")]
    [InlineData(3, 0, "Assume 4", "1V 2V 3V 4P-never", "none")]
    [InlineData(3, 3, "Handover 2", "1V 2V 3P-never 4S-never", "none")]
    [InlineData(3, 3, "Handover 2", "1V 2S 3P-never 4S", "StandBy 3")]
    // Out of service: no voter, counted nowhere, and otherwise left alone.
    [InlineData(3, 3, "Adjust", "1V 2V-away 3P", "Voter 3; StandBy 2; none")]
    [InlineData(2, 1, "Adjust", "1V 2V 3S-away 4P", "StandBy 4; none")]
    [InlineData(2, 1, "Adjust", "1V 2V 3S-off-away 4S 5P-away", "none")]
    [InlineData(3, 3, "Assume 4", "1V 2V 3P 4P-away", "none")]
    [InlineData(3, 3, "Handover 2", "1V 2S 3P-away", "none")]
    // On its way out: nothing is left to it, once its place is taken where somebody can take it.
    [InlineData(3, 3, "Adjust", "1V 2V 3V-leaving 4S", "Voter 4; Spare 3; none")]
    [InlineData(3, 0, "Adjust", "1V 2V-leaving 3V-leaving", "Spare 3,2; Spare 2; none")]
    [InlineData(2, 1, "Adjust", "1V 2V 3S-leaving 4P", "Spare 3; StandBy 4; none")]
    [InlineData(3, 3, "Adjust", "1V 2V-leaving 3S-leaving", "Spare 2,3; Spare 3; none")]
    [InlineData(2, 0, "Adjust", "1V-leaving 2V", "none")]
    // Whatever is said of the primary, it votes.
    [InlineData(3, 0, "Adjust", "1V-never-away 2V 3V", "none")]
    public void Any_numbers_and_members_that_an_administrator_has_spoken_of(int voters, int standBys, string call, string state, string expected) =>
        Check("", call, state, expected, new RoleRequest { Voters = voters, StandBys = standBys });

    [Theory]
    [InlineData("1V 2V 3V-off", "Spare 3; none")]
    [InlineData("1V 2V-off 3V-off 4S-off", "Spare 3,2; Spare 2; none")]
    // Where somebody can take the place it is taken first.
    [InlineData("1V 2V 3V-off 4S", "Voter 4; Spare 3; none")]
    public void Relaxed_an_offline_voter_that_nobody_replaces_is_dropped(string state, string expected)
    {
        Check("", "Adjust", state, expected, Request with { Mode = RoleMode.Relaxed });
        Assert.Equal(!state.Contains('S', StringComparison.Ordinal) || state.EndsWith("S-off", StringComparison.Ordinal), RoleDecider.Adjust(Roster.Parse(state), Request with { Mode = RoleMode.Relaxed }).Degrades);
    }

    [Fact]
    public void A_domain_that_has_no_voter_while_another_has_two_gets_one_and_then_the_other_loses_one()
    {
        // DQ-18: the first five of eight in one domain, the others in another, the later the better.
        var state = "1V(0,7) 2V(0,6) 3V(0,5) 4S(0,4) 5S(0,3) 6S(1,2) 7P(1,1) 8P(1,0)";

        Check("DQ-18", "Adjust", state, "Voter 8,7,6; Spare 2,3; none", Request);
    }

    private static void Check(string id, string call, string state, string expected, RoleRequest request)
    {
        var members = Roster.Parse(state);
        foreach (var step in expected.Split("; "))
        {
            var decision = call.Split(' ') switch
            {
                ["Assume", var self] => RoleDecider.Assume(members, request, self),
                ["Handover", var self] => RoleDecider.Handover(members, self),
                _ => RoleDecider.Adjust(members, request),
            };
            Assert.Equal($"{id} {step}", decision.IsNone ? $"{id} none" : string.Create(CultureInfo.InvariantCulture, $"{id} {decision.Role} {string.Join(',', decision.Candidates)}"));
            members = [.. members.Select(m => !decision.IsNone && m.Name == decision.Candidates[0] ? m with { Role = decision.Role } : m)];
        }
    }
}
