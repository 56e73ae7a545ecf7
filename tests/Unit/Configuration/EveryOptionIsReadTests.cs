using System.Reflection;
using PgCluster.Engine.Configuration;

namespace PgCluster.Tests.Unit.Configuration;

/// <summary>An option that is declared is read: from the file, and where it can be, from its variable and its flag.</summary>
public sealed class EveryOptionIsReadTests
{
    /// <summary>For each option a value that is not its default, as the file has it; what else the file needs with it comes behind.</summary>
    static readonly Dictionary<string, (string Value, string Also)> Samples = new()
    {
        ["cluster.name"] = ("\"other\"", ""),
        ["cluster.manager"] = ("\"pacemaker\"", ""),
        ["etcd.endpoints"] = ("[\"https://etcd1:2379\", \"https://[::1]:2379\"]", ""),
        ["etcd.namespace"] = ("\"/postgres\"", ""),
        ["etcd.user"] = ("\"agent\"", "password_file = \"/p\""),
        ["etcd.password_file"] = ("\"/secret\"", "user = \"agent\""),
        ["etcd.ca_file"] = ("\"/ca.pem\"", ""),
        ["etcd.cert_file"] = ("\"/cert.pem\"", "key_file = \"/k\""),
        ["etcd.key_file"] = ("\"/key.pem\"", "cert_file = \"/c\""),
        ["etcd.timeout"] = ("\"4s\"", ""),
        ["etcd.dial_timeout"] = ("\"4s\"", ""),
        ["etcd.keep_alive_time"] = ("\"31s\"", ""),
        ["etcd.keep_alive_timeout"] = ("\"6s\"", ""),
        ["etcd.primary_key"] = ("\"/primary\"", ""),
        ["tls.ca_file"] = ("\"/ca.pem\"", "cert_file = \"/c\"\nkey_file = \"/k\""),
        ["tls.cert_file"] = ("\"/cert.pem\"", "ca_file = \"/a\"\nkey_file = \"/k\""),
        ["tls.key_file"] = ("\"/key.pem\"", "ca_file = \"/a\"\ncert_file = \"/c\""),
        ["postgres.bin_directory"] = ("\"/usr/lib/postgresql/15/bin\"", ""),
        ["postgres.user"] = ("\"manager\"", ""),
        ["postgres.database"] = ("\"manager\"", ""),
        ["postgres.password_file"] = ("\"/secret\"", ""),
        ["postgres.replication_user"] = ("\"replicator\"", ""),
        ["postgres.connect_timeout"] = ("\"1s500ms\"", ""),
        ["agent.probe_interval"] = ("\"250ms\"", ""),
        ["agent.state_ttl"] = ("\"11s\"", ""),
        ["agent.handover_on_stop"] = ("true", ""),
        ["agent.handoff_directory"] = ("\"/run/pgcluster\"", ""),
        ["agent.drain_timeout"] = ("\"45s\"", ""),
        ["agent.key_retry_interval"] = ("\"2s\"", ""),
        ["proxy.poll_interval"] = ("\"2m\"", ""),
        ["proxy.get_timeout"] = ("\"6s\"", ""),
        ["proxy.retry_interval"] = ("\"6s\"", ""),
        ["proxy.pooler_timeout"] = ("\"6s\"", ""),
        ["leader.ttl"] = ("\"11s\"", ""),
        ["leader.failsafe"] = ("true", ""),
        ["leader.watchdog"] = ("\"required\"", ""),
        ["leader.watchdog_device"] = ("\"/dev/watchdog1\"", ""),
        ["rejoin.rewind"] = ("false", ""),
        ["rejoin.base_backup"] = ("false", ""),
        ["rejoin.keep_copy"] = ("true", ""),
        ["rejoin.slots"] = ("false", ""),
        ["rejoin.slot_wal_limit"] = ("\"1GiB\"", ""),
        ["failover.mode"] = ("\"advice\"", ""),
        ["failover.primary_crash"] = ("\"restart\"", ""),
        ["failover.restart_timeout"] = ("\"31s\"", ""),
        ["failover.health_check_timeout"] = ("\"3s\"", ""),
        ["failover.lock_timeout"] = ("\"6s\"", ""),
        ["failover.lock_ttl"] = ("\"61s\"", ""),
        ["failover.pause_timeout"] = ("\"6s\"", ""),
        ["failover.pause_expiry"] = ("\"26s\"", ""),
        ["failover.resume_timeout"] = ("\"6s\"", ""),
        ["failover.migrate_timeout"] = ("\"16s\"", ""),
        ["failover.undo_timeout"] = ("\"31s\"", ""),
        ["failover.follow_timeout"] = ("\"31s\"", ""),
        ["failover.max_lag"] = ("\"17MiB\"", ""),
        ["failover.blocker_age"] = ("\"2s\"", ""),
        ["failover.max_archive_backlog"] = ("17", ""),
        ["health.interval"] = ("\"2s\"", ""),
        ["health.probe_timeout"] = ("\"2s\"", ""),
        ["health.failover_timeout"] = ("\"11s\"", ""),
        ["health.observer_timeout"] = ("\"61s\"", ""),
        ["health.quorum"] = ("\"half_or_more\"", ""),
        ["synchronous.mode"] = ("\"availability\"", ""),
        ["synchronous.standbys"] = ("2", ""),
        ["synchronous.method"] = ("\"first\"", ""),
        ["synchronous.max_lag"] = ("\"17MiB\"", ""),
        ["roles.voters"] = ("4", ""),
        ["roles.standbys"] = ("0", ""),
        ["roles.adjustment_interval"] = ("\"31s\"", ""),
        ["roles.hook"] = ("[\"/bin/true\", \"-x\", \"-x\"]", ""),
        ["roles.hook_timeout"] = ("\"11s\"", ""),
        ["pacemaker.resource"] = ("\"msPostgresql\"", ""),
        ["pacemaker.poll_interval"] = ("\"1100ms\"", ""),
        ["pacemaker.query_timeout"] = ("\"2100ms\"", ""),
        ["pacemaker.command_timeout"] = ("\"21s\"", ""),
        ["pacemaker.primary_xpath"] = ("\"//node\"", ""),
        ["pacemaker.synchronous_xpath"] = ("\"/cib//node\"", ""),
        ["pacemaker.clear_lock_file"] = ("false", ""),
        ["nodes.name"] = ("\"pg09\"", ""),
        ["nodes.host"] = ("\"pg09.example.com\"", ""),
        ["nodes.port"] = ("5433", ""),
        ["nodes.agent"] = ("\"pg09:8432\"", ""),
        ["nodes.http"] = ("\"[fe80::1]:8008\"", ""),
        ["nodes.pgcm"] = ("\"pg09:8080\"", ""),
        ["nodes.data_directory"] = ("\"/data\"", ""),
        ["nodes.log_file"] = ("\"/log\"", ""),
        ["nodes.failure_domain"] = ("\"rack 1\"", ""),
        ["nodes.weight"] = ("-5", ""),
        ["nodes.no_failover"] = ("true", ""),
        ["poolers.name"] = ("\"pool9\"", ""),
        ["poolers.host"] = ("\"pool9.example.com\"", ""),
        ["poolers.port"] = ("6433", ""),
        ["poolers.node"] = ("\"pg01\"", "[[nodes]]\nname = \"pg01\"\nhost = \"h\"\nagent = \"h:1\"\nhttp = \"h:2\""),
        ["poolers.keeper"] = ("\"h:4\"", ""),
        ["poolers.user"] = ("\"admin\"", ""),
        ["poolers.password_file"] = ("\"/secret\"", ""),
        ["poolers.database"] = ("\"console\"", ""),
        ["poolers.socket_directory"] = ("\"/run/pgbouncer\"", ""),
        ["poolers.config_file"] = ("\"/pgbouncer.ini\"", ""),
        ["poolers.template_file"] = ("\"/pgbouncer.template\"", ""),
    };

    static readonly Dictionary<string, (string Key, string Value)[]> RequiredKeys = new()
    {
        ["nodes"] = [("name", "\"n\""), ("host", "\"h\""), ("agent", "\"h:1\""), ("http", "\"h:2\"")],
        ["poolers"] = [("name", "\"p\""), ("host", "\"h\""), ("keeper", "\"h:3\"")],
    };

    public static TheoryData<string> AllPaths => [.. ConfigSchema.Options.Select(option => option.Path)];

    public static TheoryData<string> PathsOutsideArrays => [.. ConfigSchema.Options.Where(option => !option.IsInArray).Select(option => option.Path)];

    [Fact]
    public void Every_option_has_a_sample_and_every_sample_an_option() =>
        Assert.Equal(ConfigSchema.Options.Select(option => option.Path).Order(), Samples.Keys.Order());

    [Theory]
    [MemberData(nameof(AllPaths))]
    public void A_file_changes_the_property_of_the_option_and_no_other(string path)
    {
        var option = Option(path);

        var without = Leaves(ConfigTexts.Load(File(option, withSample: false)).Config);
        var loaded = ConfigTexts.Load(File(option, withSample: true));
        var with = Leaves(loaded.Config);

        var changed = with.Where(leaf => !Equals(leaf.Value, without[leaf.Key])).Select(leaf => leaf.Key).ToList();
        Assert.Equal(path == "cluster.name" ? [PropertyPath(path), "Etcd.Namespace"] : [PropertyPath(path)], changed);
        Assert.Equal(ConfigSource.File, loaded.Origins[option.IsInArray ? $"{option.Section}[0].{option.Name}" : path].Source);
    }

    [Theory]
    [MemberData(nameof(PathsOutsideArrays))]
    public void Its_variable_does_the_same_and_goes_before_the_file(string path)
    {
        var option = Option(path);
        var expected = ConfigTexts.Load(File(option, withSample: true));

        var actual = ConfigTexts.Load(File(option, withSample: false), environment: new() { [option.EnvironmentVariable!] = AsText(path) });

        Assert.Equal("PGCLUSTER_" + path.ToUpperInvariant().Replace('.', '_'), option.EnvironmentVariable);
        Assert.Equal(expected.Config, actual.Config);
        Assert.Equal(new(ConfigSource.Environment, option.EnvironmentVariable!, default), actual.Origins[path]);
    }

    [Theory]
    [MemberData(nameof(PathsOutsideArrays))]
    public void Its_flag_does_the_same_and_goes_before_the_variable(string path)
    {
        var option = Option(path);
        var expected = ConfigTexts.Load(File(option, withSample: true));
        var standard = ConfigTexts.Load(File(option, withSample: false)).Config;
        // The variable says what the file without the sample says, so that only the flag can make the difference.
        var lower = Leaves(standard)[PropertyPath(path)]!;
        var environment = path is "etcd.endpoints" or "roles.hook" || lower is "" ? [] : new Dictionary<string, string> { [option.EnvironmentVariable!] = AsVariable(lower) };

        var actual = ConfigTexts.Load(File(option, withSample: false), environment, new() { [path] = AsText(path) });

        Assert.Equal("--" + path.Replace('.', '-').Replace('_', '-'), option.Flag);
        Assert.Equal(expected.Config, actual.Config);
        Assert.Equal(new(ConfigSource.Flag, option.Flag!, default), actual.Origins[path]);
    }

    [Fact]
    public void Every_property_of_the_configuration_is_an_option()
    {
        var config = ConfigTexts.Load(ConfigTexts.ThreeNodes).Config;
        var properties = Leaves(config).Keys.Where(name => !name.Contains("[1]", StringComparison.Ordinal)).Order();

        Assert.Equal(ConfigSchema.Options.Select(option => PropertyPath(option.Path)).Order(), properties);
    }

    [Fact]
    public void Nothing_an_option_is_called_is_taken_twice_and_every_option_explains_itself()
    {
        var outside = ConfigSchema.Options.Where(option => !option.IsInArray).ToList();
        Assert.Equal(ConfigSchema.Options.Count, ConfigSchema.Options.DistinctBy(option => option.Path).Count());
        Assert.Equal(outside.Count, outside.DistinctBy(option => option.EnvironmentVariable).Count());
        Assert.Equal(outside.Count, outside.DistinctBy(option => option.Flag).Count());
        Assert.All(ConfigSchema.Options, option =>
        {
            Assert.EndsWith(".", option.Help, StringComparison.Ordinal);
            Assert.NotEmpty(option.Unit);
            Assert.NotEmpty(option.Expected);
            Assert.Equal(option.IsInArray, option.Flag is null);
            Assert.Equal(option.IsInArray, option.EnvironmentVariable is null);
        });
    }

    static ConfigOption Option(string path) => ConfigSchema.Options.Single(option => option.Path == path);

    /// <summary>A file with all that is required and all that goes with the option, with or without the option itself.</summary>
    static string File(ConfigOption option, bool withSample)
    {
        var (value, also) = Samples[option.Path];
        var required = RequiredKeys.GetValueOrDefault(option.Section, []);
        // The other options of an all-or-nothing group need a value of this one also without the sample.
        var group = option.Path is "etcd.user" or "etcd.password_file" or "etcd.cert_file" or "etcd.key_file" || option.Section == "tls";
        var standard = group ? "\"/other\"" : required.FirstOrDefault(key => key.Key == option.Name).Value;
        var own = withSample ? value : standard;

        var lines = new List<string>();
        if (option.Path != "cluster.name")
        {
            lines.AddRange(["[cluster]", "name = \"demo\""]);
        }

        if (option.Section != "cluster" || option.Path == "cluster.name")
        {
            lines.Add(option.IsInArray ? $"[[{option.Section}]]" : $"[{option.Section}]");
        }

        if (own is not null)
        {
            lines.Add($"{option.Name} = {own}");
        }
        else if (option.Path == "cluster.name")
        {
            lines.Add("name = \"demo\"");
        }

        lines.AddRange(required.Where(key => key.Key != option.Name).Select(key => $"{key.Key} = {key.Value}"));
        lines.Add(also);
        return string.Join('\n', lines);
    }

    /// <summary>The sample as a variable or flag has it: without quotes, a list with commas.</summary>
    static string AsText(string path) => Samples[path].Value.Trim('[', ']').Replace("\"", "", StringComparison.Ordinal);

    static string AsVariable(object value) => value switch
    {
        TimeSpan duration => DurationText.Format(duration),
        ClusterManager or CrashPolicy or FailoverMode or WatchdogMode or SynchronousMode or SynchronousMethod => value.ToString()!.ToLowerInvariant(),
        QuorumRule.StrictMajority => "strict_majority",
        _ => value.ToString()!,
    };

    /// <summary>failover.pause_timeout is Failover.PauseTimeout, nodes.port is Nodes[0].Port, cluster.name is Name.</summary>
    static string PropertyPath(string path)
    {
        var (section, name) = path.Split('.') is [var first, var second] ? (first, second) : throw new ArgumentException(path);
        var property = string.Concat(name.Split('_').Select(Capitalised));
        return section switch
        {
            "cluster" => property,
            "nodes" or "poolers" => $"{Capitalised(section)}[0].{property}",
            _ => $"{Capitalised(section)}.{property}",
        };
    }

    static string Capitalised(string word) => char.ToUpperInvariant(word[0]) + word[1..];

    static Dictionary<string, object?> Leaves(object record, string prefix = "")
    {
        var leaves = new Dictionary<string, object?>();
        foreach (var property in record.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite))
        {
            var value = property.GetValue(record);
            IEnumerable<KeyValuePair<string, object?>> below = value switch
            {
                ConfigList<NodeConfig> nodes => nodes.SelectMany((node, i) => Leaves(node, $"{prefix}Nodes[{i}].")),
                ConfigList<PoolerConfig> poolers => poolers.SelectMany((pooler, i) => Leaves(pooler, $"{prefix}Poolers[{i}].")),
                not null when value.GetType().Name.EndsWith("Config", StringComparison.Ordinal) => Leaves(value, $"{prefix}{property.Name}."),
                _ => [new(prefix + property.Name, value)],
            };
            foreach (var (name, leaf) in below)
            {
                leaves.Add(name, leaf);
            }
        }

        return leaves;
    }
}
