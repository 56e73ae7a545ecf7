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

    [Theory]
    [InlineData(2, 1, true, "Nodes")]
    [InlineData(3, 5, true, "EtcdMembers")]
    [InlineData(3, 3, false, "Synchronous")]
    public void What_Pacemaker_cannot_be_given(int nodes, int etcd, bool synchronous, string option)
    {
        var options = new PlaygroundOptions { Manager = ClusterManager.Pacemaker, Nodes = nodes, EtcdMembers = etcd, Synchronous = synchronous };
        Assert.Equal(option, Assert.Throws<PgClusterException>(options.Validate).Target);
        (options with { Nodes = 3, EtcdMembers = null, Synchronous = true }).Validate();
    }

    [Fact]
    public void Defaults_are_those_of_the_manager()
    {
        Assert.Equal((1, 60), (new PlaygroundOptions().EtcdMemberCount, (int)new PlaygroundOptions().Budget.TotalSeconds));
        var pacemaker = new PlaygroundOptions { Manager = ClusterManager.Pacemaker };
        Assert.Equal((3, 240), (pacemaker.EtcdMemberCount, (int)pacemaker.Budget.TotalSeconds));
    }

    [Theory]
    [InlineData(ClusterManager.Native, "pacemaker")]
    [InlineData(ClusterManager.Pacemaker, "native")]
    public void The_manager_is_no_setting(ClusterManager manager, string setting) =>
        Refused(new PlaygroundOptions { Manager = manager, Settings = new Dictionary<string, string> { ["cluster.manager"] = setting } });

    private static void Refused(PlaygroundOptions options) =>
        Assert.Equal(Reason.InvalidArgument, Assert.Throws<PgClusterException>(options.Validate).Reason);
}
