using PgCluster.Engine.Configuration;

namespace PgCluster.Tests.Unit.Configuration;

public sealed class ConfigRendererTests
{
    /// <summary>Nothing as it is by default, and everything that is awkward to write.</summary>
    static readonly ClusterConfig Unusual = new()
    {
        Name = "demo.1",
        Manager = ClusterManager.Pacemaker,
        Etcd = new()
        {
            Endpoints = ["https://etcd1:2379", "https://[::1]:2379"],
            Namespace = "",
            User = "o'hara \"the\" \\ é 🐘",
            PasswordFile = "/p",
            CaFile = "/ca",
            CertFile = "/c",
            KeyFile = "/k",
            Timeout = TimeSpan.FromTicks(1),
            KeepAliveTime = TimeSpan.FromMilliseconds(90_061.5),
            PrimaryKey = "/x",
        },
        Tls = new() { CaFile = "/a", CertFile = "/b", KeyFile = "/c d" },
        Postgres = new() { BinDirectory = "/bin", User = "u", Database = "d", PasswordFile = "p", ReplicationUser = "r" },
        Nodes =
        [
            new() { Name = "pg01", Host = "::1", Port = 1, Agent = new("::1", 2), Http = new("h", 3), DataDirectory = "/d", Weight = -1, NoFailover = true },
            new() { Name = "pg02", Host = "h", Agent = new("h", 4), Http = new("h", 5), FailureDomain = "rack 2", LogFile = "/l" },
        ],
        Poolers =
        [
            new() { Name = "pool", Host = "h", Port = 6, Node = "pg02", Keeper = new("h", 7), SocketDirectory = "/s", ConfigFile = "/i", TemplateFile = "/t" },
            new() { Name = "app", Host = "h", Keeper = new("h", 8), User = "u", PasswordFile = "/p", Database = "d" },
        ],
        Agent = new() { ProbeInterval = TimeSpan.FromMilliseconds(1), StateTtl = TimeSpan.FromHours(24) },
        Proxy = new() { PollInterval = TimeSpan.FromMilliseconds(61_001) },
        Failover = new() { MaxLag = 1_000_001, MaxArchiveBacklog = 0, BlockerAge = TimeSpan.FromMicroseconds(1.1) },
    };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_rendered_reads_back_as_the_same_configuration(bool comments)
    {
        Assert.Equal(Unusual, ConfigTexts.Load(ConfigRenderer.Render(Unusual, comments)).Config);

        var loaded = ConfigTexts.Load(ConfigTexts.ThreeNodes);
        var rendered = ConfigRenderer.Render(loaded.Config, comments, loaded.Origins);
        Assert.Equal(loaded.Config, ConfigTexts.Load(rendered).Config);
        Assert.Equal(rendered, ConfigRenderer.Render(ConfigTexts.Load(rendered).Config, comments, loaded.Origins));
    }

    [Fact]
    public void The_comment_says_what_it_is_for_its_unit_its_default_and_where_the_value_came_from()
    {
        var loaded = ConfigTexts.Load(
            ConfigTexts.ThreeNodes,
            new() { ["PGCLUSTER_FAILOVER_MAX_LAG"] = "1GiB" },
            new() { ["failover.pause_timeout"] = "6s" });

        var lines = ConfigRenderer.Render(loaded.Config, comments: true, loaded.Origins).Split('\n');

        AssertFollows(lines, "# The cluster's name. (name; required; from c.toml:2:8)", "name = \"demo\"");
        AssertFollows(lines, "# Prefix of every key; empty for none. (key prefix; default /pgcluster/ and the cluster's name; from default)", "namespace = \"/pgcluster/demo\"");
        AssertFollows(lines, "# How long one pooler may take to pause. (duration; default \"5s\"; from --failover-pause-timeout)", "pause_timeout = \"6s\"");
        AssertFollows(lines, "# WAL a target may lag behind before a planned failover refuses. (bytes; default \"16MiB\"; from PGCLUSTER_FAILOVER_MAX_LAG)", "max_lag = \"1GiB\"");
        AssertFollows(lines, "# Port of its PostgreSQL. (TCP port; default 5432; from default)", "port = 5432");
        AssertFollows(lines, "# Where its agent serves the agent API. (host:port; required; from c.toml:13:9)", "agent = \"10.0.0.2:8432\"");
        AssertFollows(lines, "# Where the process listens that keeps its pauses. (host:port; default the agent of its node; from default)", "keeper = \"10.0.0.1:8432\"");
    }

    [Fact]
    public void Without_comments_there_are_none_and_without_origins_they_name_none()
    {
        Assert.DoesNotContain('#', ConfigRenderer.Render(Unusual, comments: false));
        Assert.DoesNotContain("from default", ConfigRenderer.Render(Unusual, comments: true), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_option_is_rendered()
    {
        var rendered = ConfigTexts.Load(ConfigRenderer.Render(Unusual, comments: false));

        Assert.All(ConfigSchema.Options, option =>
            Assert.Equal(ConfigSource.File, rendered.Origins[option.IsInArray ? $"{option.Section}[1].{option.Name}" : option.Path].Source));
    }

    [Fact]
    public void A_file_name_with_a_line_end_does_not_break_out_of_its_comment()
    {
        var origins = new ConfigOrigins { ["cluster.name"] = new(ConfigSource.File, "a\nname = \"evil\"\u0001", new(1, 1)) };

        var rendered = ConfigRenderer.Render(new() { Name = "demo" }, comments: true, origins);

        Assert.Equal("demo", ConfigTexts.Load(rendered).Config.Name);
    }

    static void AssertFollows(string[] lines, string comment, string line)
    {
        Assert.Contains(comment, lines);
        Assert.Contains(lines.Zip(lines.Skip(1)), pair => pair.First == comment && pair.Second == line);
    }
}
