using PgCluster.Engine.Roles;

namespace PgCluster.Tests.Unit.Roles;

public sealed class RoleRoundsTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    [Fact]
    public void The_first_round_is_due_at_once() => Assert.True(RoleRounds.None.IsDue(Roster.Parse("1V"), TimeSpan.Zero, Interval));

    [Theory]
    [InlineData("1V 2V 3P", 29, false)]
    [InlineData("1V 2V 3P", 30, true)]
    // Whoever comes, goes, fails or is barred is followed at once.
    [InlineData("1V 2V 3P 4P", 1, true)]
    [InlineData("1V 2V", 1, true)]
    [InlineData("1V 2V-off 3P", 1, true)]
    [InlineData("1V 2V-never 3P", 1, true)]
    [InlineData("1V 2V-away 3P", 1, true)]
    [InlineData("1V 2V 3P(east)", 1, true)]
    // The roles that a round gave are no reason for another.
    [InlineData("1V 2V 3V", 1, false)]
    public void Another_is_due_after_the_interval_or_when_the_members_are_others(string members, int seconds, bool due)
    {
        var rounds = RoleRounds.After(Roster.Parse("1V 2V 3P"), TimeSpan.FromSeconds(100));

        Assert.Equal(due, rounds.IsDue(Roster.Parse(members), TimeSpan.FromSeconds(100 + seconds), Interval));
    }

    [Fact]
    public void Another_primary_is_followed_at_once()
    {
        var members = Roster.Parse("1V 2V 3V");
        RoleMember[] moved = [members[0] with { IsPrimary = false }, members[1] with { IsPrimary = true }, members[2]];

        Assert.True(RoleRounds.After(members, TimeSpan.Zero).IsDue(moved, TimeSpan.Zero, Interval));
    }
}
