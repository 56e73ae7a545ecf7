using PgCluster.Engine.Configuration;

namespace PgCluster.Tests.Unit.Configuration;

/// <summary>Configuration files of pgsql-cluster-manager.</summary>
public sealed class PgcmFileTests
{
    /// <summary>Every key of its own, none at its default.</summary>
    const string Whole = """
        etcd-namespace = "/shop/postgres"
        etcd-endpoints = ["http://etcd1:2379", "http://etcd2:2379"]
        etcd-timeout = "4s"
        etcd-dial-timeout = "5s"
        etcd-keep-alive-time = "31s"
        etcd-keep-alive-timeout = "6s"
        etcd-postgres-master-key = "/primary"
        failover-api-endpoints = ["db1:9090", "db2.example.com:9090"]
        health-check-timeout = "3s"
        lock-timeout = "6s"
        pause-timeout = "4s"
        pause-expiry = "26s"
        resume-timeout = "7s"
        pacemaker-timeout = "19s"
        pgbouncer-user = "admin"
        pgbouncer-password = ""
        pgbouncer-database = "console"
        pgbouncer-socket-dir = "/run/pgbouncer"
        pgbouncer-port = "6433"
        pgbouncer-config-file = "/etc/pgbouncer.ini"
        pgbouncer-config-template-file = "/etc/pgbouncer.template"
        pgbouncer-timeout = "8s"
        pgbouncer-retry-interval = "9s"
        etcd-stream-poll-interval = "1m30s"
        etcd-get-timeout = "11s"
        bind-address = ":9090"
        pacemaker-poll-interval = "1500ms"
        pacemaker-get-timeout = "700ms"
        host-key-update-retry-interval = "2s"
        postgres-master-crm-xpath = "//node[@id='1']"

        """;

    [Fact]
    public void Every_key_is_taken_over()
    {
        var config = ConfigTexts.Load(Whole).Config;

        Assert.Equal(("postgres", ClusterManager.Pacemaker, SynchronousMode.Manual), (config.Name, config.Manager, config.Synchronous.Mode));
        Assert.Equal(["http://etcd1:2379", "http://etcd2:2379"], config.Etcd.Endpoints);
        Assert.Equal(("/shop/postgres", "/primary"), (config.Etcd.Namespace, config.Etcd.PrimaryKey));
        Assert.Equal([4, 5, 31, 6], Seconds(config.Etcd.Timeout, config.Etcd.DialTimeout, config.Etcd.KeepAliveTime, config.Etcd.KeepAliveTimeout));
        var failover = config.Failover;
        Assert.Equal([3, 6, 4, 26, 7], Seconds(failover.HealthCheckTimeout, failover.LockTimeout, failover.PauseTimeout, failover.PauseExpiry, failover.ResumeTimeout));
        Assert.Equal([19, 1.5, 0.7], Seconds(config.Pacemaker.CommandTimeout, config.Pacemaker.PollInterval, config.Pacemaker.QueryTimeout));
        Assert.Equal("//node[@id='1']", config.Pacemaker.PrimaryXpath);
        Assert.Equal([8, 9, 90, 11, 2], Seconds(config.Proxy.PoolerTimeout, config.Proxy.RetryInterval, config.Proxy.PollInterval, config.Proxy.GetTimeout, config.Agent.KeyRetryInterval));
        Assert.Equal(
            [
                new NodeConfig { Name = "db1", Host = "db1", Agent = new("db1", 8432), Http = new("db1", 8433), Pgcm = new("db1", 9090) },
                new NodeConfig { Name = "db2.example.com", Host = "db2.example.com", Agent = new("db2.example.com", 8432), Http = new("db2.example.com", 8433), Pgcm = new("db2.example.com", 9090) },
            ],
            config.Nodes);
        Assert.Equal(
            new PoolerConfig
            {
                Name = "db1", Host = "db1", Port = 6433, Node = "db1", Keeper = new("db1", 8432), User = "admin", Database = "console",
                SocketDirectory = "/run/pgbouncer", ConfigFile = "/etc/pgbouncer.ini", TemplateFile = "/etc/pgbouncer.template",
            },
            config.Poolers[0]);
        Assert.Equal(2, config.Poolers.Count);
    }

    [Fact]
    public void What_it_does_not_say_has_its_defaults()
    {
        var config = ConfigTexts.Load("etcd-timeout = '4s'").Config;

        Assert.Equal(("postgres", ""), (config.Name, config.Etcd.Namespace));
        Assert.Equal(["pg01", "pg02", "pg03"], config.Nodes.Select(n => n.Name));
        Assert.All(config.Nodes, n => Assert.Equal(8080, n.Pgcm?.Port));
        Assert.All(config.Poolers, p => Assert.Equal(("/var/run/postgresql", 6432, "pgbouncer"), (p.SocketDirectory, p.Port, p.User)));
    }

    [Fact]
    public void Each_value_is_from_where_it_was_written() =>
        Assert.Equal(new SourcePosition(2, 16), ConfigTexts.Load("etcd-namespace = '/postgres'\npause-expiry = '26s'").Origins["failover.pause_expiry"].Position);

    [Fact]
    public void Tables_of_ours_go_before_it()
    {
        var config = ConfigTexts.Load(Whole + """
            [cluster]
            name = "shop"

            [failover]
            pause_timeout = "3s"

            [tls]
            ca_file = "/ca.pem"
            cert_file = "/cert.pem"
            key_file = "/key.pem"

            [[nodes]]
            name = "one"
            host = "10.0.0.1"
            agent = "10.0.0.1:1"
            http = "10.0.0.1:2"
            pgcm = "10.0.0.1:9090"
            """).Config;

        Assert.Equal(("shop", "/shop/postgres", ClusterManager.Pacemaker), (config.Name, config.Etcd.Namespace, config.Manager));
        Assert.Equal([3, 26], Seconds(config.Failover.PauseTimeout, config.Failover.PauseExpiry));
        Assert.True(config.Tls.Enabled);
        Assert.Equal(("one", "one", "10.0.0.1"), (Assert.Single(config.Nodes).Name, Assert.Single(config.Poolers).Node, config.Poolers[0].Host));
    }

    [Fact]
    public void Its_own_selector_of_the_primary_gives_way_to_ours() =>
        Assert.Equal("", ConfigTexts.Load("postgres-master-crm-xpath = \"//node/instance_attributes/nvpair[@value='LATEST']/../..\"").Config.Pacemaker.PrimaryXpath);

    [Fact]
    public void What_it_means_can_be_written_in_our_words()
    {
        var config = ConfigTexts.Load(Whole).Config;

        Assert.Equal(config, ConfigTexts.Load(ConfigRenderer.Render(config, comments: true)).Config);
    }

    [Theory]
    [InlineData("pgbouncer-password = 'secret'", "c.toml:1:22: pgbouncer-password stands in a file that many may read; expected [[poolers]] with password_file, the path of a file with nothing but the password")]
    [InlineData("pause-expriy = '25s'\npause-timeout = '5s'", "c.toml:1:1: unknown key \"pause-expriy\"; did you mean pause-expiry?")]
    [InlineData("failover-api-endpoints = 'pg01:8080'", "c.toml:1:26: failover-api-endpoints is no array; expected one such as [\"pg01:8080\", \"pg02:8080\"]")]
    [InlineData("failover-api-endpoints = ['pg01']", "c.toml:1:27: failover-api-endpoints has something that is no address; expected host:port such as \"pg01:8080\"")]
    [InlineData("bind-address = ':8081'", "c.toml:1:16: bind-address has a port that no address of failover-api-endpoints has; expected the same one, as that is where the agent listens and is looked for")]
    [InlineData("pause-timeout = '500ms'", "c.toml:1:17: failover.pause_timeout is \"500ms\"; expected a duration with its unit such as \"500ms\", \"5s\" or \"1m30s\", from 1s to 24h")]
    [InlineData("pgbouncer-port = 'many'", "c.toml:1:18: poolers[0].port is \"many\"; expected an integer from 1 to 65535")]
    public void What_cannot_be_taken_over_is_named(string toml, string problem) => Assert.Contains(problem, ConfigTexts.Problems(toml));

    [Fact]
    public void A_node_that_is_named_by_its_address_needs_a_name()
    {
        var problem = Assert.Single(ConfigTexts.Problems("failover-api-endpoints = ['10.0.0.1:8080', 'pg02:8080']"));

        Assert.StartsWith("c.toml:1:27: \"10.0.0.1:8080\" of failover-api-endpoints does not say what Pacemaker calls this node", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_ours_is_none() =>
        Assert.Contains("c.toml:1:1: unknown key \"pause_timeout\"; did you mean failover.pause_timeout?", ConfigTexts.Problems("pause_timeout = '5s'\n" + ConfigTexts.ThreeNodes));

    static double[] Seconds(params TimeSpan[] times) => [.. times.Select(t => t.TotalSeconds)];
}
