using PgCluster.Playground;

namespace PgCluster.Tests.Unit.Playground;

public sealed class PlaygroundOptionsTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("My_play-ground9")]
    [InlineData("a2345678901234567890123456789012")]
    public void Good_names(string name) => new PlaygroundOptions { Name = name }.Validate();

    [Theory]
    [InlineData("")]
    [InlineData("9a")]
    [InlineData(".hidden")]
    [InlineData("../up")]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("a\n")]
    [InlineData("ä")]
    [InlineData("a23456789012345678901234567890123")]
    public void Bad_names(string name) => Refused(new PlaygroundOptions { Name = name });

    [Theory]
    [InlineData(0, 1)]
    [InlineData(10, 1)]
    [InlineData(3, 0)]
    [InlineData(3, 2)]
    public void Bad_sizes(int nodes, int etcd) => Refused(new PlaygroundOptions { Nodes = nodes, EtcdMembers = etcd });

    [Fact]
    public void A_budget_of_nothing_is_refused() => Refused(new PlaygroundOptions { ReadyTimeout = TimeSpan.Zero });

    private static void Refused(PlaygroundOptions options) =>
        Assert.Equal(Reason.InvalidArgument, Assert.Throws<PgClusterException>(options.Validate).Reason);
}
