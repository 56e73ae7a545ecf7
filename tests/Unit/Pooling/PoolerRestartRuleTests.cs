using PgCluster.Engine.Pooling;

namespace PgCluster.Tests.Unit.Pooling;

public sealed class PoolerRestartRuleTests
{
    private static readonly PoolerLook Sound = new()
    {
        Version = "1.18.0",
        Settings = new Dictionary<string, string> { ["unix_socket_dir"] = "/run/pg", ["listen_port"] = "6432", ["logfile"] = "", ["syslog"] = "0", ["pool_mode"] = "session" },
        Databases = [Database("app"), Database(PoolerDatabase.ConsoleName)],
        Clients = ["127.0.0.1:1:", "127.0.0.1:2:"],
        Servers = [],
    };

    private static readonly PoolerProcess Process = new(100, "/usr/sbin/pgbouncer", ["a.ini"], 26, "", 1024, "/var/log/a.log");

    private static readonly PoolerProcess Keeper = new(200, "/usr/bin/pgcluster", [], 26, "pgcluster-proxy@app.service", 4096, "");

    [Fact]
    public void Sound_pooler_may_be_restarted_and_is_found_by_its_socket()
    {
        Assert.Null(PoolerRestartRule.ObjectionOf("app", Sound, mayDrop: false));
        Assert.Null(PoolerRestartRule.ObjectionOf("app", Sound, Process, Keeper));
        Assert.Equal("/run/pg/.s.PGSQL.6432", Sound.SocketPath);
    }

    [Theory]
    [InlineData("", "unix_socket_dir")]
    [InlineData("@pg", "abstract")]
    public void Without_a_socket_in_the_file_system_it_may_not(string directory, string word) =>
        AssertRefused(PoolerRestartRule.ObjectionOf("app", Sound with { Settings = new Dictionary<string, string> { ["unix_socket_dir"] = directory } }, mayDrop: true), word);

    [Fact]
    public void Paused_or_disabled_it_may_not()
    {
        AssertRefused(PoolerRestartRule.ObjectionOf("app", Sound with { Databases = [Database("one") with { Paused = true }] }, mayDrop: true), "Resume-PgPooler app");
        AssertRefused(PoolerRestartRule.ObjectionOf("app", Sound with { Databases = [Database("one") with { Disabled = true }] }, mayDrop: true), "enable");
    }

    [Fact]
    public void Clients_that_would_be_lost_need_force()
    {
        AssertRefused(PoolerRestartRule.ObjectionOf("app", Sound with { Dropped = 1 }, mayDrop: false), "1 of its 2 clients");
        AssertRefused(PoolerRestartRule.ObjectionOf("app", Sound with { WithPrepared = 2 }, mayDrop: false), "2 of its 2 clients");
        Assert.Null(PoolerRestartRule.ObjectionOf("app", Sound with { Dropped = 1, WithPrepared = 2 }, mayDrop: true));
    }

    [Fact]
    public void Of_another_user_it_may_be_restarted_by_root_only()
    {
        Assert.Null(PoolerRestartRule.ObjectionOf("app", Sound, Process, Keeper with { UserId = 0 }));
        Assert.Equal(Reason.AccessDenied, PoolerRestartRule.ObjectionOf("app", Sound, Process, Keeper with { UserId = 1000 })?.Reason);
    }

    [Fact]
    public void Service_of_systemd_is_left_to_it_unless_it_is_the_keepers_own()
    {
        AssertRefused(PoolerRestartRule.ObjectionOf("app", Sound, Process with { Unit = "pgbouncer.service" }, Keeper), "systemctl restart pgbouncer.service");
        Assert.Null(PoolerRestartRule.ObjectionOf("app", Sound, Process with { Unit = Keeper.Unit }, Keeper));
    }

    [Fact]
    public void What_the_new_process_would_lack_is_in_the_way()
    {
        AssertRefused(PoolerRestartRule.ObjectionOf("app", Sound, Process with { Pid = 1 }, Keeper), "container");
        AssertRefused(PoolerRestartRule.ObjectionOf("app", Sound, Process with { OpenFiles = 5000 }, Keeper), "LimitNOFILE");
        AssertRefused(PoolerRestartRule.ObjectionOf("app", Sound, Process with { ErrorFile = "" }, Keeper), "logfile");
        Assert.Null(PoolerRestartRule.ObjectionOf(
            "app", Sound with { Settings = new Dictionary<string, string> { ["unix_socket_dir"] = "/run/pg", ["logfile"] = "/a" } }, Process with { ErrorFile = "" }, Keeper));
    }

    [Fact]
    public void What_is_otherwise_afterwards_is_named_with_both_values()
    {
        var after = Sound with
        {
            Settings = new Dictionary<string, string>(Sound.Settings) { ["pool_mode"] = "transaction", ["peer_id"] = "0" },
            Databases = [Database("app") with { Port = 5433 }, Database("new"), Database(PoolerDatabase.ConsoleName) with { Port = 1 }],
        };

        Assert.Equal(
            ["database app: db:5432/app -> db:5433/app", "database new: none -> db:5432/new", "peer_id: none -> 0", "pool_mode: session -> transaction"],
            PoolerRestartRule.Changes(Sound, after));
        Assert.Empty(PoolerRestartRule.Changes(Sound, Sound));
    }

    private static PoolerDatabase Database(string name) => new(name, "db", 5432, name, null, 0, false, false);

    private static void AssertRefused(PgClusterException? objection, string word)
    {
        Assert.Equal(Reason.PreflightFailed, objection?.Reason);
        Assert.Contains(word, objection!.Message, StringComparison.Ordinal);
    }
}
