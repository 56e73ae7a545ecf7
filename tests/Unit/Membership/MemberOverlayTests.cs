using PgCluster.Engine.Configuration;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Store;
using PgCluster.Tests.Unit.Configuration;

namespace PgCluster.Tests.Unit.Membership;

public sealed class MemberOverlayTests
{
    private static readonly MemberRecord New = new() { Host = "10.0.0.9", Agent = "10.0.0.9:8432", Http = "10.0.0.9:8008", DataDirectory = "/data" };

    private static ClusterConfig File => ConfigTexts.Load(ConfigTexts.ThreeNodes).Config;

    [Fact]
    public void Without_members_the_file_is_in_effect() => Assert.Equal(File, MemberOverlay.Apply(File, Members.Unread));

    [Fact]
    public void A_member_that_no_file_has_follows_those_of_the_file()
    {
        var config = MemberOverlay.Apply(File, With(("pg09", New), ("pg05", New with { Port = 5433, Weight = 3, NoFailover = true, FailureDomain = "z", LogFile = "/log" })));

        Assert.Equal(["pg01", "pg02", "pg05", "pg09"], config.Nodes.Select(n => n.Name));
        Assert.Equal(
            new NodeConfig
            {
                Name = "pg05", Host = "10.0.0.9", Port = 5433, Agent = new HostPort("10.0.0.9", 8432), Http = new HostPort("10.0.0.9", 8008), DataDirectory = "/data",
                Weight = 3, NoFailover = true, FailureDomain = "z", LogFile = "/log",
            },
            config.Nodes[2]);
        Assert.Equal(5432, config.Nodes[3].Port);
        Assert.Equal(File.Poolers, config.Poolers);
    }

    [Theory]
    [InlineData("host")]
    [InlineData("agent")]
    [InlineData("http")]
    [InlineData("a bad agent")]
    public void One_that_does_not_say_where_it_is_changes_nothing(string missing) => Assert.Equal(
        File,
        MemberOverlay.Apply(File, With(("pg09", missing switch
        {
            "host" => New with { Host = null },
            "agent" => New with { Agent = null },
            "http" => New with { Http = null },
            _ => New with { Agent = "nowhere" },
        }))));

    [Fact]
    public void What_a_member_does_not_say_is_as_the_file_says()
    {
        var before = File.Nodes[1] with { Weight = 7, FailureDomain = "z1", DataDirectory = "/d" };
        var file = File with { Nodes = [File.Nodes[0], before] };

        Assert.Equal(before with { Weight = 9 }, MemberOverlay.Apply(file, With(("pg02", new MemberRecord { Weight = 9 }))).Nodes[1]);
        Assert.Equal(before with { FailureDomain = "" }, MemberOverlay.Apply(file, With(("pg02", new MemberRecord { FailureDomain = "" }))).Nodes[1]);
        Assert.Equal(before with { NoFailover = true }, MemberOverlay.Apply(file, With(("pg02", new MemberRecord { NoFailover = true }))).Nodes[1]);
        Assert.Equal(before with { Host = "h", Port = 1 }, MemberOverlay.Apply(file, With(("pg02", new MemberRecord { Host = "h", Port = 1 }))).Nodes[1]);
        Assert.Equal(file, MemberOverlay.Apply(file, With(("pg02", new MemberRecord()))));
    }

    [Fact]
    public void A_removed_one_is_gone_and_so_is_the_pooler_beside_it()
    {
        var config = MemberOverlay.Apply(File, With(("pg01", new MemberRecord { Removed = true }), ("pg09", New with { Removed = true })));

        Assert.Equal(["pg02"], config.Nodes.Select(n => n.Name));
        Assert.Equal(["app"], config.Poolers.Select(p => p.Name));
    }

    [Fact]
    public void A_pooler_that_the_agent_beside_it_keeps_goes_with_its_address() => Assert.Equal(
        new HostPort("10.0.0.1", 9), MemberOverlay.Apply(File, With(("pg01", new MemberRecord { Agent = "10.0.0.1:9" }))).Poolers[0].Keeper);

    [Fact]
    public void A_record_reads_back_as_it_was_written()
    {
        var record = New with { Port = 1, LogFile = "l", FailureDomain = "z", Weight = -1, NoFailover = false, Removed = true, StopServer = true, By = "me@here" };

        Assert.Equal(record, MemberRecord.FromJson(record.ToJson()));
        Assert.Equal(new MemberRecord(), MemberRecord.FromJson("{}"));
        Assert.Null(MemberRecord.FromJson("nonsense"));
    }

    [Fact]
    public void Work_begins_anew_only_when_the_nodes_are_others()
    {
        var membership = new ClusterMembership(File, Members.Unread);

        Assert.True(membership.IsCurrent(new Members(new Dictionary<string, MemberRecord>(), 0)));
        Assert.True(membership.IsCurrent(With(("pg02", new MemberRecord { By = "me" })) with { Revision = 12 }));
        Assert.Equal((12L, false), (membership.Revision, membership.Changed.IsCompleted));
        Assert.False(membership.IsCurrent(With(("pg02", new MemberRecord { Weight = 1 })) with { Revision = 13 }));
        Assert.Equal((12L, true), (membership.Revision, membership.Changed.IsCompleted));
    }

    [Fact]
    public void The_revision_is_that_of_the_latest_change()
    {
        var members = Members.From([new StoreEntry("/members/a", "{}", 1, 5, 1), new StoreEntry("/members/b", "nonsense", 2, 9, 1)]);

        Assert.Equal(9, members.Revision);
        Assert.Equal(["a"], members.Records.Keys);
        Assert.Equal(0, Members.From([]).Revision);
    }

    private static Members With(params (string Name, MemberRecord Record)[] members) => new(members.ToDictionary(m => m.Name, m => m.Record), 1);
}
