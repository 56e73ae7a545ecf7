using PgCluster.Engine.Configuration;

namespace PgCluster.Tests.Unit.Configuration;

public sealed class ConfigBinderTests
{
    [Fact]
    public void Defaults_are_those_of_the_specification()
    {
        var config = ConfigTexts.Load(ConfigTexts.ThreeNodes).Config;
        var (etcd, failover) = (config.Etcd, config.Failover);

        Assert.Equal(ClusterManager.Native, config.Manager);
        Assert.Equal(["http://127.0.0.1:2379"], etcd.Endpoints);
        Assert.Equal(("/pgcluster/demo", "/master"), (etcd.Namespace, etcd.PrimaryKey));
        Assert.Equal([3, 3, 30, 5], Seconds(etcd.Timeout, etcd.DialTimeout, etcd.KeepAliveTime, etcd.KeepAliveTimeout));
        Assert.Equal(new TlsConfig(), config.Tls);
        Assert.Equal(("", "postgres", "postgres"), (config.Postgres.BinDirectory, config.Postgres.User, config.Postgres.Database));
        Assert.Equal([1, 10, 1], Seconds(config.Agent.ProbeInterval, config.Agent.StateTtl, config.Agent.KeyRetryInterval));
        Assert.Equal([60, 5, 5, 5], Seconds(config.Proxy.PollInterval, config.Proxy.GetTimeout, config.Proxy.RetryInterval, config.Proxy.PoolerTimeout));
        Assert.Equal(
            [2, 5, 60, 5, 25, 5, 15, 30, 30, 1],
            Seconds(
                failover.HealthCheckTimeout, failover.LockTimeout, failover.LockTtl, failover.PauseTimeout, failover.PauseExpiry, failover.ResumeTimeout,
                failover.MigrateTimeout, failover.UndoTimeout, failover.FollowTimeout, failover.BlockerAge));
        Assert.Equal((16L << 20, 16), (failover.MaxLag, failover.MaxArchiveBacklog));
        Assert.Equal((5432, 0, false), (config.Nodes[0].Port, config.Nodes[0].Weight, config.Nodes[0].NoFailover));
        Assert.Equal(
            new PoolerConfig
            {
                Name = "app",
                Host = "app.example.com",
                Port = 6432,
                Keeper = new("app.example.com", 8433),
                User = "pgbouncer",
                Database = "pgbouncer",
                ConfigFile = "/etc/pgbouncer/pgbouncer.ini",
                TemplateFile = "/etc/pgbouncer/pgbouncer.ini.template",
            },
            config.Poolers[1]);
    }

    [Fact]
    public void Nodes_and_poolers_keep_the_order_of_the_file()
    {
        var config = ConfigTexts.Load(ConfigTexts.ThreeNodes).Config;

        Assert.Equal(["pg01", "pg02"], config.Nodes.Select(node => node.Name));
        Assert.Equal(["pool01", "app"], config.Poolers.Select(pooler => pooler.Name));
    }

    [Fact]
    public void A_pooler_beside_a_node_is_kept_by_its_agent_unless_it_says_otherwise()
    {
        var config = ConfigTexts.Load(ConfigTexts.ThreeNodes + "[[poolers]]\nname = 'x'\nhost = 'h'\nnode = 'pg02'\nkeeper = 'k:1'").Config;

        Assert.Equal(new("10.0.0.1", 8432), config.Poolers[0].Keeper);
        Assert.Equal(new("k", 1), config.Poolers[2].Keeper);
    }

    [Fact]
    public void An_empty_namespace_is_no_prefix_and_a_missing_one_is_the_clusters() =>
        Assert.Equal("", ConfigTexts.Load("[cluster]\nname = 'demo'\n[etcd]\nnamespace = ''").Config.Etcd.Namespace);

    [Fact]
    public void Flag_goes_before_environment_before_file_before_default()
    {
        const string File = "[cluster]\nname = 'demo'\n[proxy]\nget_timeout = '2s'\nretry_interval = '2s'\npooler_timeout = '2s'";
        var environment = new Dictionary<string, string>
        {
            ["PGCLUSTER_PROXY_RETRY_INTERVAL"] = "3s",
            ["PGCLUSTER_PROXY_POOLER_TIMEOUT"] = "3s",
        };

        var loaded = ConfigTexts.Load(File, environment, new() { ["proxy.pooler_timeout"] = "4s" });

        var proxy = loaded.Config.Proxy;
        Assert.Equal([60, 2, 3, 4], Seconds(proxy.PollInterval, proxy.GetTimeout, proxy.RetryInterval, proxy.PoolerTimeout));
        Assert.Equal("default", loaded.Origins["proxy.poll_interval"].ToString());
        Assert.Equal("c.toml:4:15", loaded.Origins["proxy.get_timeout"].ToString());
        Assert.Equal("PGCLUSTER_PROXY_RETRY_INTERVAL", loaded.Origins["proxy.retry_interval"].ToString());
        Assert.Equal("--proxy-pooler-timeout", loaded.Origins["proxy.pooler_timeout"].ToString());
    }

    [Fact]
    public void An_empty_variable_is_not_set() =>
        Assert.Equal("demo", ConfigTexts.Load("[cluster]\nname = 'demo'", new() { ["PGCLUSTER_CLUSTER_NAME"] = "" }).Config.Name);

    [Fact]
    public void A_list_is_separated_by_commas_outside_the_file() =>
        Assert.Equal(
            ["http://a:1", "http://b:2"],
            ConfigTexts.Load("[cluster]\nname = 'demo'", new() { ["PGCLUSTER_ETCD_ENDPOINTS"] = "http://a:1, http://b:2/" }).Config.Etcd.Endpoints);

    [Fact]
    public void A_size_is_an_integer_or_a_text()
    {
        Assert.Equal(17, ConfigTexts.Load("[cluster]\nname = 'demo'\n[failover]\nmax_lag = 17").Config.Failover.MaxLag);
        Assert.Equal(1 << 10, ConfigTexts.Load("[cluster]\nname = 'demo'\n[failover]\nmax_lag = '1KiB'").Config.Failover.MaxLag);
    }

    [Theory]
    [InlineData("failover", "pause_timeout = 5", "failover.pause_timeout is the integer 5; expected a duration with its unit")]
    [InlineData("failover", "pause_timeout = '5'", "failover.pause_timeout is \"5\"; expected a duration with its unit")]
    [InlineData("failover", "pause_timeout = '999ms'", "is \"999ms\"; expected a duration with its unit such as \"500ms\", \"5s\" or \"1m30s\", from 1s to 24h")]
    [InlineData("failover", "pause_expiry = '0.5s'", "from 1s to 24h")]
    [InlineData("failover", "resume_timeout = '0s'", "more than 0 and at most 24h")]
    [InlineData("failover", "resume_timeout = '-5s'", "more than 0 and at most 24h")]
    [InlineData("failover", "resume_timeout = '25h'", "more than 0 and at most 24h")]
    [InlineData("failover", "max_lag = '16MB'", "failover.max_lag is \"16MB\"; expected a size in bytes")]
    [InlineData("failover", "max_lag = -1", "failover.max_lag is the integer -1; expected a size in bytes")]
    [InlineData("failover", "max_lag = 1.5", "failover.max_lag is a float")]
    [InlineData("failover", "max_archive_backlog = '3'", "failover.max_archive_backlog is \"3\"; expected an integer from 0 to 2147483647")]
    [InlineData("failover", "max_archive_backlog = 2147483648", "expected an integer from 0 to 2147483647")]
    [InlineData("etcd", "endpoints = 'http://a:1'", "etcd.endpoints is \"http://a:1\"; expected one or more different URLs")]
    [InlineData("etcd", "endpoints = []", "etcd.endpoints is an array; expected one or more")]
    [InlineData("etcd", "endpoints = [1]", "etcd.endpoints is an array")]
    [InlineData("etcd", "endpoints = ['a:2379']", "expected one or more different URLs")]
    [InlineData("etcd", "endpoints = ['http://a:1/x']", "nothing behind the port")]
    [InlineData("etcd", "endpoints = ['http://a:1', 'http://a:1/']", "different URLs")]
    [InlineData("etcd", "namespace = 'pg'", "etcd.namespace is \"pg\"; expected a key that begins with /")]
    [InlineData("etcd", "namespace = '/pg/'", "does not end with one")]
    [InlineData("etcd", "primary_key = ''", "etcd.primary_key is \"\"")]
    [InlineData("etcd", "user = ['a']", "etcd.user is an array; expected a string")]
    [InlineData("postgres", "user = ''", "postgres.user is \"\"; expected a string that is not empty")]
    [InlineData("postgres", "user = \"a\\nb\"", "postgres.user is \"a\\nb\"; expected a string that is not empty and has no control characters")]
    [InlineData("postgres", "user = 2020-01-01", "postgres.user is a date or time")]
    [InlineData("postgres", "user = { name = 'x' }", "postgres.user is a table")]
    public void A_value_of_the_wrong_kind_or_range_is_refused_with_what_was_expected(string section, string line, string message)
    {
        var problem = Assert.Single(ConfigTexts.Problems($"cluster.name = 'demo'\n[{section}]\n{line}"));

        Assert.StartsWith($"c.toml:3:{line.IndexOf('=') + 3}: {section}.", problem, StringComparison.Ordinal);
        Assert.Contains(message, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("manager = 'patroni'", "cluster.manager is \"patroni\"; expected \"native\" or \"pacemaker\"")]
    [InlineData("manager = 'Native'", "cluster.manager is \"Native\"; expected \"native\" or \"pacemaker\"")]
    [InlineData("manager = '1'", "cluster.manager is \"1\"; expected \"native\" or \"pacemaker\"")]
    [InlineData("managre = 'native'", "unknown key \"managre\" in [cluster]; did you mean manager?")]
    public void The_cluster_table_is_checked(string line, string message) =>
        Assert.Equal([$"c.toml:3:{(line.StartsWith("managre", StringComparison.Ordinal) ? 1 : 11)}: {message}"], ConfigTexts.Problems($"[cluster]\nname = 'demo'\n{line}"));

    [Theory]
    [InlineData("a/b")]
    [InlineData("")]
    [InlineData("-a")]
    [InlineData("a b")]
    [InlineData("é")]
    [InlineData("a123456789012345678901234567890123456789012345678901234567890123")]
    public void A_name_is_fit_for_keys_and_application_name(string name) =>
        Assert.Contains("expected a name of letters, digits", Assert.Single(ConfigTexts.Problems($"[cluster]\nname = '{name}'")), StringComparison.Ordinal);

    [Theory]
    [InlineData("host = '10.0.0.300'", "nodes[0].host is \"10.0.0.300\"; expected a host name or an IP address, without a port")]
    [InlineData("host = 'h:5432'", "nodes[0].host is \"h:5432\"")]
    [InlineData("port = 0", "nodes[0].port is the integer 0; expected an integer from 1 to 65535")]
    [InlineData("port = '5432'", "nodes[0].port is \"5432\"; expected an integer")]
    [InlineData("agent = 'h'", "nodes[0].agent is \"h\"; expected host:port such as \"10.0.0.1:8432\"")]
    [InlineData("http = ':80'", "nodes[0].http is \":80\"; expected host:port")]
    [InlineData("no_failover = 'yes'", "nodes[0].no_failover is \"yes\"; expected true or false")]
    public void The_tables_of_an_array_are_checked(string line, string message)
    {
        var key = line.Split(' ')[0];
        var required = new[] { "name = 'n'", "host = 'h'", "agent = 'h:1'", "http = 'h:2'" }.Where(other => !other.StartsWith(key + " ", StringComparison.Ordinal));

        var problem = Assert.Single(ConfigTexts.Problems($"[cluster]\nname = 'demo'\n[[nodes]]\n{line}\n{string.Join('\n', required)}"));

        Assert.StartsWith("c.toml:4:", problem, StringComparison.Ordinal);
        Assert.Contains(message, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void All_problems_of_all_sources_come_at_once_in_the_order_of_the_file() =>
        Assert.Equal(
            [
                "c.toml:1:1: unknown key \"pause_timeout\"; did you mean failover.pause_timeout?",
                "c.toml:2:2: unknown table \"failovr\"; did you mean [failover]?",
                "c.toml:4:1: cluster.name is missing; expected a name of letters, digits, '.', '-' and '_' that begins with a letter or digit, "
                    + "at most 63 characters, in the file, as PGCLUSTER_CLUSTER_NAME or as --cluster-name",
                "c.toml:5:1: unknown key \"colour\" in [cluster]; expected one of name, manager",
                "c.toml:7:1: unknown key \"pause-timeout\" in [etcd]; did you mean failover.pause_timeout?",
                "c.toml:8:3: \"nodes\" is not an array of tables; expected [[nodes]] before each",
                "PGCLUSTER_PROXY_GET_TIMEOUT: proxy.get_timeout is \"soon\"; expected a duration with its unit such as \"500ms\", \"5s\" or \"1m30s\", "
                    + "more than 0 and at most 24h",
                "--proxy-get-timeout: proxy.get_timeout is \"late\"; expected a duration with its unit such as \"500ms\", \"5s\" or \"1m30s\", "
                    + "more than 0 and at most 24h",
            ],
            ConfigTexts.Problems(
                "pause_timeout = '5s'\n[failovr]\nx = 1\n[cluster]\ncolour = 'red'\n[etcd]\npause-timeout = '1s'\n [nodes]",
                new() { ["PGCLUSTER_PROXY_GET_TIMEOUT"] = "soon" },
                new() { ["proxy.get_timeout"] = "late" }));

    [Fact]
    public void What_a_flag_goes_before_must_be_right_all_the_same() =>
        Assert.StartsWith(
            "c.toml:2:14: ",
            Assert.Single(ConfigTexts.Problems("cluster.name = 'demo'\netcd.timeout='x'", flags: new() { ["etcd.timeout"] = "1s" })),
            StringComparison.Ordinal);

    [Fact]
    public void Missing_options_are_reported_where_their_table_begins()
    {
        var problems = ConfigTexts.Problems("[cluster]\nname = 'demo'\n[[nodes]]\nname = 'pg01'\nhost = 'h'\n[[poolers]]\nname = 'p'");

        Assert.Equal(
            [
                "c.toml:3:1: nodes[0].agent is missing; expected host:port such as \"10.0.0.1:8432\" (an IPv6 address in brackets)",
                "c.toml:3:1: nodes[0].http is missing; expected host:port such as \"10.0.0.1:8432\" (an IPv6 address in brackets)",
                "c.toml:6:1: poolers[0].host is missing; expected a host name or an IP address, without a port",
                "c.toml:6:1: poolers[0].keeper is missing; expected host:port, or poolers[0].node when it stands beside one",
            ],
            problems);
    }

    [Fact]
    public void Without_a_file_a_missing_option_names_the_variable_and_the_flag() =>
        Assert.EndsWith("in the file, as PGCLUSTER_CLUSTER_NAME or as --cluster-name", Assert.Single(ConfigTexts.Problems(null)), StringComparison.Ordinal);

    [Theory]
    [InlineData("failover = 1", "c.toml:2:1: \"failover\" is not a table; expected [failover], once")]
    [InlineData("[[failover]]", "c.toml:2:3: \"failover\" is not a table; expected [failover], once")]
    [InlineData("nodes = 'pg01'", "c.toml:2:1: \"nodes\" is not an array of tables; expected [[nodes]] before each")]
    [InlineData("nodes = ['pg01']", "c.toml:2:1: \"nodes\" is not an array of tables; expected [[nodes]] before each")]
    [InlineData("poolres = []", "c.toml:2:1: unknown table \"poolres\"; did you mean [[poolers]]?")]
    [InlineData("zzz = 1", "c.toml:2:1: unknown key \"zzz\"; expected one of [cluster], [etcd], [tls], [postgres], [agent], [proxy], [leader], [rejoin], [failover], [health], [synchronous], [roles], [pacemaker], [[nodes]], [[poolers]]")]
    public void Tables_have_the_right_form(string line, string message) =>
        Assert.Equal([message], ConfigTexts.Problems($"cluster.name = 'demo'\n{line}"));

    [Fact]
    public void Names_of_nodes_and_of_poolers_are_unique_whatever_their_case()
    {
        var problems = ConfigTexts.Problems(
            ConfigTexts.ThreeNodes + "[[nodes]]\nname = 'PG01'\nhost = 'h'\nagent = 'h:1'\nhttp = 'h:2'\n[[poolers]]\nname = 'app'\nhost = 'h'\nkeeper = 'h:3'");

        Assert.Equal(
            [
                "c.toml:26:8: nodes[2].name is \"PG01\" like nodes[0].name; expected a name that no other has",
                "c.toml:31:8: poolers[2].name is \"app\" like poolers[1].name; expected a name that no other has",
            ],
            problems);
    }

    [Fact]
    public void PR_43_two_nodes_at_one_address_are_refused_instead_of_asked_once_for_both()
    {
        Assert.Equal(
            [
                "c.toml:27:8: nodes[2].host leads to \"10.0.0.1:5432\" like nodes[0].host; expected an address that no other node has",
                "c.toml:28:9: nodes[2].agent leads to \"10.0.0.2:8432\" like nodes[1].agent; expected an address that no other node has",
            ],
            ConfigTexts.Problems(ConfigTexts.ThreeNodes + "[[nodes]]\nname = 'pg03'\nhost = '10.0.0.1'\nagent = '10.0.0.2:8432'\nhttp = '10.0.0.3:8008'"));

        // Another port is another server.
        Assert.Equal(3, ConfigTexts.Load(ConfigTexts.ThreeNodes + "[[nodes]]\nname = 'pg03'\nhost = '10.0.0.1'\nport = 5433\nagent = '10.0.0.1:8434'\nhttp = '10.0.0.1:8009'").Config.Nodes.Count);
    }

    [Fact]
    public void A_pooler_stands_beside_a_node_that_there_is() =>
        Assert.Equal(
            ["c.toml:29:8: poolers[2].node is \"pg03\"; expected the name of one of [[nodes]], or nothing for an application host; did you mean \"pg01\"?"],
            ConfigTexts.Problems(ConfigTexts.ThreeNodes + "[[poolers]]\nname = 'x'\nhost = 'h'\n\nnode = 'pg03'"));

    [Theory]
    [InlineData("availability", 1, null)]
    [InlineData("protection", 1, null)]
    [InlineData("performance", 2, null)]
    [InlineData("manual", 2, null)]
    [InlineData("availability", 2, "synchronous.standbys (2) with synchronous.mode (\"availability\") is more than the 1 standbys that [[nodes]] without no_failover leave beside a primary; expected at most that many")]
    [InlineData("protection", 2, "synchronous.standbys (2) with synchronous.mode (\"protection\") is more than")]
    public void Commits_wait_for_no_more_standbys_than_there_can_be(string mode, int standbys, string? problem)
    {
        var text = ConfigTexts.ThreeNodes + $"[synchronous]\nmode = '{mode}'\nstandbys = {standbys}";
        if (problem is null)
        {
            Assert.Equal(standbys, ConfigTexts.Load(text).Config.Synchronous.Standbys);
        }
        else
        {
            Assert.Contains(problem, Assert.Single(ConfigTexts.Problems(text)), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("availability", 1, 1, "c.toml:6:12: roles.voters (1) with synchronous.mode (\"availability\") leaves fewer voters beside the primary than synchronous.standbys (1) asks for; expected at least 2")]
    [InlineData("protection", 3, 3, "roles.voters (3) with synchronous.mode (\"protection\") leaves fewer voters beside the primary than synchronous.standbys (3) asks for; expected at least 4")]
    [InlineData("availability", 4, 3, null)]
    [InlineData("performance", 1, 1, null)]
    [InlineData("manual", 1, 1, null)]
    public void Commits_wait_for_fewer_standbys_than_there_are_voters(string mode, int voters, int standbys, string? problem)
    {
        var text = $"cluster.name = 'demo'\n[roles]\nvoters = {voters}\n[synchronous]\nmode = '{mode}'\nstandbys = {standbys}";
        if (problem is null)
        {
            Assert.Equal(voters, ConfigTexts.Load(text).Config.Roles.Voters);
        }
        else
        {
            Assert.Contains(problem, Assert.Single(ConfigTexts.Problems(text)), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("[]", "")]
    [InlineData("['/bin/roles', '-v', '-v', '']", "/bin/roles|-v|-v|")]
    [InlineData("['roles', 'a,b']", "roles|a,b")]
    public void A_hook_is_a_program_with_its_arguments(string value, string words) =>
        Assert.Equal(words, string.Join('|', ConfigTexts.Load($"cluster.name = 'demo'\nroles.hook = {value}").Config.Roles.Hook));

    [Theory]
    [InlineData("'/bin/roles -v'")]
    [InlineData("['']")]
    [InlineData("['/bin/roles', 1]")]
    [InlineData("[\"/bin/roles\", \"\\u0001\"]")]
    public void A_hook_that_is_no_program_is_refused(string value) =>
        Assert.StartsWith("c.toml:2:14: roles.hook", Assert.Single(ConfigTexts.Problems($"cluster.name = 'demo'\nroles.hook = {value}")), StringComparison.Ordinal);

    [Fact]
    public void Pacemaker_and_the_agents_do_not_both_write_the_list() =>
        Assert.Equal(
            ["c.toml:3:20: synchronous.mode (\"availability\") needs cluster.manager \"native\"; expected \"manual\", or two managers would write synchronous_standby_names"],
            ConfigTexts.Problems("cluster.name = 'demo'\ncluster.manager = 'pacemaker'\nsynchronous.mode = 'availability'"));

    [Theory]
    [InlineData("tls.ca_file = 'a'", "c.toml:2:15: tls.ca_file without tls.cert_file and tls.key_file; expected all of them or none")]
    [InlineData("tls.ca_file = 'a'\ntls.key_file = 'k'", "c.toml:3:16: tls.ca_file and tls.key_file without tls.cert_file; expected all of them or none")]
    [InlineData("etcd.cert_file = 'c'", "c.toml:2:18: etcd.cert_file without etcd.key_file; expected both or none")]
    [InlineData("etcd.user = 'u'", "c.toml:2:13: etcd.user without etcd.password_file; expected both or none")]
    public void What_belongs_together_is_given_together(string lines, string message) =>
        Assert.Equal([message], ConfigTexts.Problems($"cluster.name = 'demo'\n{lines}"));

    [Fact]
    public void The_ca_of_etcd_may_stand_alone() => Assert.Equal("ca", ConfigTexts.Load("cluster.name = 'demo'\netcd.ca_file = 'ca'").Config.Etcd.CaFile);

    [Theory]
    [InlineData("PGCLUSTER_FAILOVER_PAUSE_TIMOUT", "PGCLUSTER_FAILOVER_PAUSE_TIMOUT: unknown variable; did you mean PGCLUSTER_FAILOVER_PAUSE_TIMEOUT?")]
    [InlineData("PGCLUSTER_NODES_PORT", "PGCLUSTER_NODES_PORT: unknown variable; options of [[nodes]] can only stand in the file")]
    public void A_misspelt_variable_is_not_silently_ignored(string variable, string message) =>
        Assert.Equal([message], ConfigTexts.Problems("cluster.name = 'demo'", new() { [variable] = "5s" }));

    [Theory]
    [InlineData("PGCLUSTER_TOML_TEST")]
    [InlineData("PGCLUSTERFAILOVER_X")]
    [InlineData("FAILOVER_PAUSE_TIMEOUT")]
    public void Variables_that_name_no_section_are_somebody_elses(string variable) =>
        Assert.Equal("demo", ConfigTexts.Load("cluster.name = 'demo'", new() { [variable] = "nonsense" }).Config.Name);

    [Theory]
    [InlineData("failover.pause_timout", "--failover-pause-timout: unknown flag; did you mean --failover-pause-timeout?")]
    [InlineData("nodes.port", "--nodes-port: unknown flag; options of [[nodes]] can only stand in the file")]
    [InlineData("x", "--x: unknown flag; expected the name of an option")]
    public void An_unknown_flag_is_refused(string path, string message) =>
        Assert.Equal([message], ConfigTexts.Problems("cluster.name = 'demo'", flags: new() { [path] = "5s" }));

    [Theory]
    [InlineData("http://root:hunter2@etcd:2379")]
    [InlineData("root:hunter2@etcd:2379")]
    public void A_password_in_a_URL_is_refused_and_not_repeated(string url)
    {
        var problems = string.Join('\n', ConfigTexts.Problems($"cluster.name = 'demo'\netcd.endpoints = ['{url}']", new() { ["PGCLUSTER_ETCD_ENDPOINTS"] = url }));

        Assert.Contains("credentials", problems, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", problems, StringComparison.Ordinal);
    }

    [Fact]
    public void A_password_under_an_unknown_key_is_not_repeated() =>
        Assert.Equal(
            ["c.toml:2:6: unknown key \"password\" in [etcd]; expected one of endpoints, namespace, user, password_file, ca_file, cert_file, key_file, "
                + "timeout, dial_timeout, keep_alive_time, keep_alive_timeout, primary_key"],
            ConfigTexts.Problems("cluster.name = 'demo'\netcd.password = 'hunter2'"));

    [Fact]
    public void The_error_says_which_file_it_is_about()
    {
        Assert.Equal("c.toml", Assert.Throws<PgClusterException>(() => ConfigTexts.Load("x = 1")).Target);
        Assert.Null(Assert.Throws<PgClusterException>(() => ConfigTexts.Load(null)).Target);
    }

    static double[] Seconds(params TimeSpan[] durations) => [.. durations.Select(duration => duration.TotalSeconds)];
}
