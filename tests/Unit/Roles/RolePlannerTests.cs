using System.Globalization;
using PgCluster.Engine.Roles;

namespace PgCluster.Tests.Unit.Roles;

public sealed class RolePlannerTests
{
    private static readonly RoleRequest Request = new();

    [Theory]
    // DQ-4 to DQ-8: a cluster as it grows.
    [InlineData("1V 2P 3P", "2P-V 3P-V", "VVV")]
    [InlineData("1V 2V 3V 4P", "4P-S", "VVVS")]
    [InlineData("1V 2V 3V 4S 5S 6S 7P", "", "VVVSSSP")]
    // DQ-16, DQ-17, DQ-20 to DQ-22: members are lost.
    [InlineData("1V 2V 3V-off 4S", "4S-V 3V-P", "VVPV")]
    [InlineData("1V(0) 2V(1) 3V-off(2) 4S(0) 5S(1) 6S(2)", "6S-V 3V-P", "VVPSSV")]
    [InlineData("1V 2V 3V-off 4S-off", "", "VVVS")]
    [InlineData("1V 2V 3V 4S 5S-off 6S 7P", "7P-S 5S-P", "VVVSPSS")]
    [InlineData("1V(0) 2V(1) 3V(2) 4S(0) 5S-off(1) 6S(2) 7P(0) 8P(1) 9P(2)", "8P-S 5S-P", "VVVSPSPSP")]
    // One voter too many becomes a stand-by at once, and never stops streaming in between.
    [InlineData("1V 2V 3V 4V", "4V-S", "VVVS")]
    [InlineData("1V 2V 3V 4V 5P", "4V-S 5P-S", "VVVSS")]
    public void Where_a_cluster_ends(string state, string changes, string roles)
    {
        var plan = RolePlanner.Balance(Roster.Parse(state), Request);

        Assert.Equal(changes, Shown(plan));
        Assert.Equal(roles, string.Concat(plan.Members.Select(m => Roster.Letter(m.After))));
        Assert.Equal(Enumerable.Range(1, plan.Changes.Count), plan.Changes.Select(c => c.Step));
    }

    [Theory]
    // DQ-9, DQ-11, DQ-14: the place is taken first, then left.
    [InlineData("1V 2V 3V 4S", "3", "4S-V 3V-P")]
    [InlineData("1V(0) 2V(1) 3V(2) 4S(0) 5S(1) 6S(2)", "3", "6S-V 3V-P")]
    [InlineData("1V 2V 3V 4S 5S 6S 7P", "5", "7P-S 5S-P")]
    // DQ-10, DQ-15: the primary moves in between.
    [InlineData("1V 2P", "1", "2P-V >2 1V-P")]
    [InlineData("1V 2V 3V 4S", "1", "4S-V >2 1V-P")]
    [InlineData("1V(a) 2V(a) 3V(b) 4S(b,9)", "1", "4S-V >3 1V-P")]
    // DQ-13: nobody is left to take the place.
    [InlineData("1V 2V 3V", "1", ">2")]
    [InlineData("1V", "1", "")]
    [InlineData("1V 2V 3V", "3", "")]
    // A stand-by may leave at any time, and a spare has nothing to give.
    [InlineData("1V 2V 3V 4S 5P-off", "4", "4S-P")]
    [InlineData("1V 2V 3V 4P", "4", "")]
    public void A_handover(string state, string node, string changes)
    {
        var plan = RolePlanner.Handover(Roster.Parse(state), Request, node);

        Assert.Equal(changes, Shown(plan));
        Assert.Equal(node, plan.HandsOver);
        Assert.Single(plan.Members, m => m.IsPrimary);

        // Either it can be stopped, or it is said why not.
        Assert.Equal(plan.Members.Single(m => m.Node == node).After != MemberRole.Spare, plan.Warnings.Any(w => w.StartsWith($"{node} stays", StringComparison.Ordinal)));
    }

    [Fact]
    public void Relaxed_a_voter_leaves_although_nobody_takes_its_place_and_the_plan_says_so_loudly()
    {
        var plan = RolePlanner.Handover(Roster.Parse("1V 2V 3V"), Request with { Mode = RoleMode.Relaxed }, "1");

        Assert.Equal(">2 1V-P", Shown(plan));
        Assert.True(plan.Changes[^1].Degrades);
        Assert.Equal(["1 leaves, and nobody can take its place"], plan.Warnings);
    }

    [Fact]
    public void What_is_dropped_and_what_is_missed_is_a_warning()
    {
        var members = Roster.Parse("1V 2V 3V-off");

        Assert.Equal(
            ["2 of the 3 voters asked for: nobody else can be one", "3 is offline and stays a voter: nobody can take its place"],
            RolePlanner.Balance(members, Request).Warnings);
        var relaxed = RolePlanner.Balance(members, Request with { Mode = RoleMode.Relaxed });
        Assert.True(Assert.Single(relaxed.Changes).Degrades);
        Assert.Equal(
            ["3 is offline and nobody can take its place: dropped, so that commits go on with 2 of 3 voters", "2 of the 3 voters asked for: nobody else can be one"],
            relaxed.Warnings);
        Assert.Equal(["2 members are too few for 3 voters: ask for 2 voters and each is one"], RolePlanner.Balance(Roster.Parse("1V 2P"), Request).Warnings);
        Assert.Empty(RolePlanner.Balance(Roster.Parse("1V 2V 3V"), Request).Warnings);
    }

    [Theory]
    [InlineData("1V 2V 3V-off 4S(0,15) 5S(0,5) 6S(0,10)", "6", "is a stand-by already; no voter: 5 has weight -5 and it has -10")]
    [InlineData("1V(0) 2V(1) 3V-off(2) 4S(0) 5S(1) 6S(2)", "4", "is a stand-by already; no voter: 6 is in another failure domain than 0")]
    [InlineData("1V 2V 3P 4P", "4", "there are 0 of the 3 stand-bys asked for")]
    [InlineData("1V 2V 3V 4S 5S 6S 7P", "7", "no voter: the 3 voters that there are stay; no stand-by: the 3 stand-bys that there are stay")]
    [InlineData("1V 2V 3V 4S 5S 6P 7P", "7", "no voter: the 3 voters that there are stay; no stand-by: 6 goes before it by name")]
    [InlineData("1V 2P", "2", "no voter: 2 members are too few for 3 voters: ask for 2 voters and each is one; no stand-by: its primary is alone")]
    [InlineData("1V 2V 3S-never", "3", "is a stand-by already; no voter: is marked no_failover")]
    [InlineData("1V 2V 3P-away", "3", "is suspended by ann@db: a new disk")]
    [InlineData("1V 2V 3P-off", "3", "is offline")]
    [InlineData("1V 2V 3S-off", "3", "is offline, and stays a stand-by because nobody can take its place")]
    [InlineData("1V 2V 3V-off", "3", "is offline, and stays a voter because nobody can take its place")]
    [InlineData("1V 2V 3V-off", "2", "is a voter already")]
    [InlineData("1V 2V 3V-off", "1", "is the primary")]
    [InlineData("1V 2V 3V-never 4S", "3", "3 is marked no_failover, so that no commit may wait for it")]
    [InlineData("1V(0,8) 2V(0,7) 3V(0,6) 4S(0) 5S(0) 6S(1)", "6", "failure domain 1 has no voter, and another has two")]
    [InlineData("1V(0,8) 2V(0,7) 3V(0,6) 4S(0) 5S(0) 6S(1)", "2", "there are 4 voters and 3 are asked for; 3 of them are in failure domain 0; there are 2 of the 3 stand-bys asked for")]
    public void Every_member_has_its_reason(string state, string node, string why) =>
        Assert.Equal(why, RolePlanner.Balance(Roster.Parse(state), Request).Members.Single(m => m.Node == node).Why);

    [Fact]
    public void A_change_names_who_else_would_do() =>
        Assert.Equal(["6", "4"], RolePlanner.Balance(Roster.Parse("1V 2V 3V-off 4S(0,15) 5S(0,5) 6S(0,10)"), Request).Changes[0].Otherwise);

    [Fact]
    public void A_plan_has_no_more_changes_than_it_may()
    {
        var plan = RolePlanner.Balance(Roster.Parse("1V 2P 3P 4P"), Request with { MaxSteps = 2 });

        Assert.Equal("2P-V 3P-V", Shown(plan));
        Assert.False(plan.IsComplete);
        Assert.Equal(["more than 2 changes are needed; the rest is for the next plan"], plan.Warnings);
        Assert.True(RolePlanner.Balance(Roster.Parse("1V 2P 3P"), Request with { MaxSteps = 2 }).IsComplete);
    }

    [Theory]
    [InlineData("2V 3V", Reason.NoPrimary, "no member is the primary")]
    [InlineData("1V-off 2V 3V", Reason.NoPrimary, "the primary 1 is offline")]
    [InlineData("1V 1V 2V", Reason.InvalidArgument, "1 is there twice")]
    public void Members_that_make_no_cluster_are_refused(string state, Reason reason, string what)
    {
        var refusal = Assert.Throws<PgClusterException>(() => RolePlanner.Balance(Roster.Parse(state), Request));

        Assert.Equal(reason, refusal.Reason);
        Assert.Contains(what, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_asked_for_is_refused()
    {
        var members = Roster.Parse("1V 2V 3V");

        foreach (var request in (RoleRequest[])[Request with { Voters = 0 }, Request with { StandBys = -1 }, Request with { MaxSteps = 0 }])
        {
            Assert.Equal(Reason.InvalidArgument, Assert.Throws<PgClusterException>(() => RolePlanner.Balance(members, request)).Reason);
        }

        Assert.Equal(Reason.InvalidArgument, Assert.Throws<PgClusterException>(() => RolePlanner.Balance([.. members, new RoleMember { Name = "" }], Request)).Reason);
        Assert.Equal(Reason.SplitBrain, Assert.Throws<PgClusterException>(() => RolePlanner.Balance([.. members, new RoleMember { Name = "4", IsPrimary = true }], Request)).Reason);
        Assert.Equal(Reason.NodeNotFound, Assert.Throws<PgClusterException>(() => RolePlanner.Handover(members, Request, "9")).Reason);
    }

    [Fact]
    public void The_primary_is_a_voter_whatever_role_it_is_said_to_have() =>
        Assert.Equal(MemberRole.Voter, RolePlanner.Balance([new RoleMember { Name = "1", IsPrimary = true }], Request).Members[0].Before);

    private static string Shown(RolePlan plan) => string.Join(' ', plan.Changes.Select(c => c.Kind == RoleChangeKind.MovePrimary
        ? $">{c.Node}"
        : string.Create(CultureInfo.InvariantCulture, $"{c.Node}{Roster.Letter(c.From)}-{Roster.Letter(c.To)}")));
}
