using PgCluster.Adapters.Toml;
using PgCluster.Engine.Configuration;
using PgCluster.Playground;

namespace PgCluster.Tests.Unit.Playground;

public sealed class PlaygroundFilesTests
{
    private static readonly PlaygroundPaths Paths = new("/var/tmp/it's here/demo");

    private static readonly PlaygroundState State = new()
    {
        Id = "0",
        Name = "demo",
        BootId = "",
        UserId = 1,
        CreatedAt = DateTimeOffset.UnixEpoch,
        Synchronous = true,
        Etcd = [new("etcd1", 20001, 20002), new("etcd2", 20003, 20004)],
        Servers = [new("pg01", 20010, 20011, 20012), new("pg02", 20020, 20021, 20022), new("pg03", 20030, 20031, 20032)],
        Poolers = [new("pg01", "pg01", 20040, 20011), new("app", "", 20050, 20051)],
    };

    [Fact]
    public void The_cluster_file_reads_back_with_everything_in_it()
    {
        var directory = Directory.CreateTempSubdirectory();
        try
        {
            var file = Path.Combine(directory.FullName, "cluster.toml");
            File.WriteAllText(file, PlaygroundFiles.ClusterToml(State, Paths, new PlaygroundPrograms("/usr/lib/postgresql/15/bin", "", ""), new Dictionary<string, string>()));
            var config = ConfigLoader.Load(file, new Dictionary<string, string>()).Config;

            Assert.Equal(("demo", ClusterManager.Native), (config.Name, config.Manager));
            Assert.Equal(["http://127.0.0.1:20001", "http://127.0.0.1:20003"], config.Etcd.Endpoints);
            Assert.Equal("/usr/lib/postgresql/15/bin", config.Postgres.BinDirectory);
            Assert.Equal("replicator", config.Postgres.ReplicationUser);
            Assert.Equal(
                new NodeConfig
                {
                    Name = "pg02",
                    Host = "127.0.0.1",
                    Port = 20020,
                    Agent = new HostPort("127.0.0.1", 20021),
                    Http = new HostPort("127.0.0.1", 20022),
                    DataDirectory = "/var/tmp/it's here/demo/pg02/data",
                    LogFile = "/var/tmp/it's here/demo/pg02/postgres.log",
                    FailureDomain = "zone2",
                },
                config.Nodes[1]);
            Assert.Equal(
                new PoolerConfig
                {
                    Name = "app",
                    Host = "127.0.0.1",
                    Port = 20050,
                    Keeper = new HostPort("127.0.0.1", 20051),
                    SocketDirectory = "/var/tmp/it's here/demo/s",
                    ConfigFile = "/var/tmp/it's here/demo/app/pgbouncer.ini",
                    TemplateFile = "/var/tmp/it's here/demo/app/pgbouncer.ini.template",
                },
                config.Poolers[1]);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("pg01", """FIRST 1 ("pg02", "pg03")""")]
    [InlineData("pg03", """FIRST 1 ("pg01", "pg02")""")]
    public void Every_server_waits_for_one_of_the_others(string server, string expected)
    {
        Assert.Equal(expected, PlaygroundFiles.SynchronousStandbys(State, server));
        Assert.Equal("", PlaygroundFiles.SynchronousStandbys(State with { Synchronous = false }, server));
        Assert.Equal("", PlaygroundFiles.SynchronousStandbys(State with { Servers = [State.Servers[0]] }, "pg01"));
    }

    [Fact]
    public void A_quote_in_a_path_does_not_end_a_setting()
    {
        var conf = PlaygroundFiles.PostgresConf(State, Paths, State.Servers[1]).Split('\n');
        Assert.Contains("unix_socket_directories = '/var/tmp/it''s here/demo/s'", conf);
        Assert.Contains("port = 20020", conf);
        Assert.Contains("fsync = on", conf);
    }

    [Fact]
    public void The_first_ini_leads_to_the_first_primary()
    {
        var template = PlaygroundFiles.PoolerTemplate(Paths, State.Poolers[1], TimeSpan.FromSeconds(3));
        Assert.Contains("tcp_user_timeout = 2250\n", template, StringComparison.Ordinal);
        Assert.Contains("app = host={{.Host}} port={{.Port}} dbname={{.Database}}\n", template, StringComparison.Ordinal);
        Assert.Contains("ignore_startup_parameters = extra_float_digits\n", template, StringComparison.Ordinal);
        var ini = PlaygroundFiles.Render(template, State.Servers[0]);
        Assert.Contains("app = host=127.0.0.1 port=20010 dbname=app\n", ini, StringComparison.Ordinal);
        Assert.DoesNotContain("{{", ini, StringComparison.Ordinal);
    }

    [Fact]
    public void The_state_file_reads_back()
    {
        var directory = Directory.CreateTempSubdirectory();
        try
        {
            var state = State with { Processes = [new("etcd1", 5, 6, "/log")], Ready = true };
            Assert.Null(PlaygroundState.TryRead(directory.FullName));
            File.WriteAllText(Path.Combine(directory.FullName, "playground.json"), state.ToJson());
            var read = PlaygroundState.TryRead(directory.FullName)!;
            Assert.Equal(state.ToJson(), read.ToJson());
            Assert.Equal(state.Processes, read.Processes);
            Assert.Equal(16, read.Ports.Distinct().Count());
            File.WriteAllText(Path.Combine(directory.FullName, "playground.json"), "{");
            Assert.Null(PlaygroundState.TryRead(directory.FullName));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
