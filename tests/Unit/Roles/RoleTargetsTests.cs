using PgCluster.Engine.Configuration;
using PgCluster.Engine.Roles;

namespace PgCluster.Tests.Unit.Roles;

public sealed class RoleTargetsTests
{
    [Theory]
    [InlineData(SynchronousMode.Availability, 5, 3, 3, 2, RoleMode.Relaxed)]
    [InlineData(SynchronousMode.Protection, 5, 3, 3, 2, RoleMode.Strict)]
    // Nobody is waited for, so nobody else votes.
    [InlineData(SynchronousMode.Performance, 5, 3, 1, 2, RoleMode.Relaxed)]
    // More than there are: the plan says that they are missing.
    [InlineData(SynchronousMode.Availability, 4, 5, 5, 2, RoleMode.Strict)]
    // Where every node votes, a vote that is taken away goes to nobody.
    [InlineData(SynchronousMode.Availability, 3, 3, 3, 2, RoleMode.Strict)]
    [InlineData(SynchronousMode.Availability, 4, 3, 3, 2, RoleMode.Relaxed)]
    // Two nodes are two voters, where somebody is waited for.
    [InlineData(SynchronousMode.Availability, 2, 3, 2, 2, RoleMode.Strict)]
    [InlineData(SynchronousMode.Protection, 2, 3, 2, 2, RoleMode.Strict)]
    [InlineData(SynchronousMode.Performance, 2, 3, 1, 2, RoleMode.Relaxed)]
    [InlineData(SynchronousMode.Availability, 1, 3, 1, 2, RoleMode.Strict)]
    [InlineData(SynchronousMode.Availability, 2, 1, 1, 2, RoleMode.Relaxed)]
    public void What_is_asked_for_follows_the_mode_and_the_number_of_nodes(SynchronousMode mode, int nodes, int configured, int voters, int standBys, RoleMode roleMode) =>
        Assert.Equal(new RoleRequest { Voters = voters, StandBys = standBys, Mode = roleMode, MaxSteps = 7 }, RoleTargets.Of(Config(mode, nodes, configured), 7));

    [Fact]
    public void Nothing_is_asked_for_while_the_list_is_the_operators() => Assert.Null(RoleTargets.Of(Config(SynchronousMode.Manual, 5, 3), 7));

    [Theory]
    [InlineData(SynchronousMode.Availability, "1V 2V")]
    [InlineData(SynchronousMode.Performance, "1V 2S")]
    public void Two_nodes_come_to_rest_as_the_mode_has_them(SynchronousMode mode, string roles)
    {
        var plan = RolePlanner.Balance(Roster.Parse("1V 2P"), RoleTargets.Of(Config(mode, 2, 3), 7)!);

        Assert.Equal(roles, string.Join(' ', plan.Members.Select(m => $"{m.Node}{Roster.Letter(m.After)}")));
        Assert.Empty(plan.Warnings);
    }

    private static ClusterConfig Config(SynchronousMode mode, int nodes, int voters) => new()
    {
        Name = "c",
        Synchronous = new SynchronousConfig { Mode = mode },
        Roles = new RolesConfig { Voters = voters, Standbys = 2 },
        Nodes = [.. Enumerable.Range(1, nodes).Select(i => new NodeConfig { Name = $"pg0{i}", Host = "h", Port = i, Agent = new HostPort("h", 100 + i), Http = new HostPort("h", 200 + i) })],
    };
}
