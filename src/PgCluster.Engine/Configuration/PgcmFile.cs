using System.Net;

namespace PgCluster.Engine.Configuration;

/// <summary>
/// A configuration file of pgsql-cluster-manager read as one of ours. Its keys stand at the root and have dashes. Tables of ours in the same file go before them and say what it has no word for (<c>[tls]</c>), so that one file
/// serves both products while a cluster is moved node by node. Two values are not taken over: an XPath that selects the status LATEST, which a dead primary keeps, and a password, which belongs into a file of its own.
/// </summary>
static class PgcmFile
{
    const string Namespace = "etcd-namespace";
    const string Endpoints = "failover-api-endpoints";
    const string BindAddress = "bind-address";
    const string PrimaryXpath = "postgres-master-crm-xpath";
    const string Password = "pgbouncer-password";
    const string Port = "pgbouncer-port";

    /// <summary>The name of a cluster that neither names itself nor has a namespace.</summary>
    const string UnnamedCluster = "postgres";

    /// <summary>Of what nobody wrote.</summary>
    static readonly SourcePosition Start = new(1, 1);

    static readonly string[] DefaultEndpoints = ["pg01:8080", "pg02:8080", "pg03:8080"];

    /// <summary>Keys that mean what an option of ours means.</summary>
    static readonly Dictionary<string, string> Counterparts = new(StringComparer.Ordinal)
    {
        ["etcd-endpoints"] = "etcd.endpoints",
        [Namespace] = "etcd.namespace",
        ["etcd-timeout"] = "etcd.timeout",
        ["etcd-dial-timeout"] = "etcd.dial_timeout",
        ["etcd-keep-alive-time"] = "etcd.keep_alive_time",
        ["etcd-keep-alive-timeout"] = "etcd.keep_alive_timeout",
        ["etcd-postgres-master-key"] = "etcd.primary_key",
        ["health-check-timeout"] = "failover.health_check_timeout",
        ["lock-timeout"] = "failover.lock_timeout",
        ["pause-timeout"] = "failover.pause_timeout",
        ["pause-expiry"] = "failover.pause_expiry",
        ["resume-timeout"] = "failover.resume_timeout",
        ["pacemaker-timeout"] = "pacemaker.command_timeout",
        ["pacemaker-poll-interval"] = "pacemaker.poll_interval",
        ["pacemaker-get-timeout"] = "pacemaker.query_timeout",
        [PrimaryXpath] = "pacemaker.primary_xpath",
        ["host-key-update-retry-interval"] = "agent.key_retry_interval",
        ["etcd-stream-poll-interval"] = "proxy.poll_interval",
        ["etcd-get-timeout"] = "proxy.get_timeout",
        ["pgbouncer-retry-interval"] = "proxy.retry_interval",
        ["pgbouncer-timeout"] = "proxy.pooler_timeout",
    };

    /// <summary>Keys of the one PgBouncer that it has on each node, with their defaults where ours is another.</summary>
    static readonly (string Key, string Option, string? Default)[] PoolerKeys =
    [
        ("pgbouncer-user", "user", null),
        ("pgbouncer-database", "database", null),
        ("pgbouncer-socket-dir", "socket_directory", "/var/run/postgresql"),
        ("pgbouncer-config-file", "config_file", null),
        ("pgbouncer-config-template-file", "template_file", null),
    ];

    /// <summary>Every key there is.</summary>
    internal static IReadOnlyList<string> Keys { get; } =
        [.. Counterparts.Keys, .. PoolerKeys.Select(k => k.Key), Endpoints, BindAddress, Password, Port];

    /// <summary>Whether a file speaks that language.</summary>
    public static bool IsOne(ConfigValue.Table file) => file.Entries.Any(entry => Keys.Contains(entry.Key));

    /// <summary>The same in our tables, each value where it was written. What cannot be taken over is a problem of the context.</summary>
    public static ConfigValue.Table Translate(ConfigValue.Table file, BindContext context)
    {
        var keys = file.Entries.Where(entry => Keys.Contains(entry.Key)).ToDictionary(entry => entry.Key, StringComparer.Ordinal);
        var rest = file.Entries.Where(entry => !keys.ContainsKey(entry.Key)).ToList();
        foreach (var unknown in rest.Where(entry => entry.Key.Contains('-', StringComparison.Ordinal)).ToList())
        {
            rest.Remove(unknown);
            context.Problem(
                context.InFile(unknown.KeyPosition),
                $"unknown key {TomlText.Quote(unknown.Key)}; {(Suggestion.For(unknown.Key, Keys) is { } near ? $"did you mean {near}?" : "expected a key of pgsql-cluster-manager, or a table of ours")}");
        }

        var sections = new Dictionary<string, List<ConfigEntry>>(StringComparer.Ordinal)
        {
            ["cluster"] = [Entry("name", ClusterName(keys.GetValueOrDefault(Namespace)), keys.GetValueOrDefault(Namespace)), Entry("manager", "pacemaker")],
            ["synchronous"] = [Entry("mode", "manual")],
        };
        if (!keys.ContainsKey(Namespace))
        {
            sections["etcd"] = [Entry("namespace", "")];
        }

        foreach (var (key, path) in Counterparts)
        {
            if (keys.TryGetValue(key, out var entry) && !(key == PrimaryXpath && SelectsLatest(entry)))
            {
                var dot = path.IndexOf('.', StringComparison.Ordinal);
                sections.TryAdd(path[..dot], []);
                sections[path[..dot]].Add(entry with { Key = path[(dot + 1)..] });
            }
        }

        var nodes = rest.Find(entry => entry.Key == "nodes") ?? Nodes(keys, context);
        var poolers = rest.Find(entry => entry.Key == "poolers") ?? Poolers(keys, nodes, context);
        return file with
        {
            Entries =
            [
                .. rest.Where(entry => entry.Key is not ("nodes" or "poolers") && !sections.ContainsKey(entry.Key)),
                .. sections.Select(section => Merge(section.Key, section.Value, rest.Find(entry => entry.Key == section.Key))),
                nodes,
                poolers,
            ],
        };
    }

    /// <summary>One for each endpoint: pgsql-cluster-manager names nodes by where their agents are.</summary>
    static ConfigEntry Nodes(Dictionary<string, ConfigEntry> keys, BindContext context)
    {
        var written = keys.GetValueOrDefault(Endpoints);
        var endpoints = written?.Value is ConfigValue.List list ? list.Items : [.. (written is null ? DefaultEndpoints : []).Select(e => new ConfigValue.Text(e, Start))];
        if (written is { Value: not ConfigValue.List })
        {
            context.Problem(context.InFile(written.Value.Position), $"{Endpoints} is no array; expected one such as [\"pg01:8080\", \"pg02:8080\"]");
        }

        var nodes = new List<ConfigValue>();
        var ports = new List<int>();
        foreach (var endpoint in endpoints)
        {
            if (endpoint is not ConfigValue.Text { Value: var text } || HostPort.TryParse(text) is not { } address)
            {
                context.Problem(context.InFile(endpoint.Position), $"{Endpoints} has something that is no address; expected host:port such as \"pg01:8080\"");
                continue;
            }

            ports.Add(address.Port);
            if (IPAddress.TryParse(address.Host, out _))
            {
                context.Problem(
                    context.InFile(endpoint.Position),
                    $"{TomlText.Quote(text)} of {Endpoints} does not say what Pacemaker calls this node; expected a host name that is the node's name, or [[nodes]] with name, host, agent, http and pgcm = {TomlText.Quote(text)}");
                continue;
            }

            nodes.Add(new ConfigValue.Table(
                [
                    EntryAt("name", address.Host, endpoint.Position),
                    EntryAt("host", address.Host, endpoint.Position),
                    EntryAt("agent", (address with { Port = NodeConfig.UsualAgentPort }).ToString(), endpoint.Position),
                    EntryAt("http", (address with { Port = NodeConfig.UsualHttpPort }).ToString(), endpoint.Position),
                    EntryAt("pgcm", text, endpoint.Position),
                ],
                endpoint.Position));
        }

        if (keys.TryGetValue(BindAddress, out var bind) && (bind.Value is not ConfigValue.Text { Value: var at } || !ports.Exists(port => at.EndsWith($":{port}", StringComparison.Ordinal))))
        {
            context.Problem(context.InFile(bind.Value.Position), $"{BindAddress} has a port that no address of {Endpoints} has; expected the same one, as that is where the agent listens and is looked for");
        }

        var position = written?.KeyPosition ?? Start;
        return new ConfigEntry("nodes", position, new ConfigValue.List(nodes, position));
    }

    /// <summary>One beside each node.</summary>
    static ConfigEntry Poolers(Dictionary<string, ConfigEntry> keys, ConfigEntry nodes, BindContext context)
    {
        if (keys.TryGetValue(Password, out var password) && password.Value is not ConfigValue.Text { Value: "" })
        {
            context.Problem(context.InFile(password.Value.Position), $"{Password} stands in a file that many may read; expected [[poolers]] with password_file, the path of a file with nothing but the password");
        }

        List<ConfigEntry> common = [];
        foreach (var (key, option, fallback) in PoolerKeys)
        {
            if (keys.TryGetValue(key, out var entry))
            {
                common.Add(entry with { Key = option });
            }
            else if (fallback is not null)
            {
                common.Add(Entry(option, fallback));
            }
        }

        if (keys.TryGetValue(Port, out var port))
        {
            // A string there.
            common.Add(port with { Key = "port", Value = port.Value is ConfigValue.Text { Value: var text } && long.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var number) ? new ConfigValue.Integer(number, port.Value.Position) : port.Value });
        }

        var poolers = new List<ConfigValue>();
        foreach (var node in (nodes.Value as ConfigValue.List)?.Items.OfType<ConfigValue.Table>() ?? [])
        {
            if (node.Entries.FirstOrDefault(e => e.Key == "name") is { } name && node.Entries.FirstOrDefault(e => e.Key == "host") is { } host)
            {
                poolers.Add(new ConfigValue.Table([name, host, name with { Key = "node" }, .. common], node.Position));
            }
        }

        return new ConfigEntry("poolers", nodes.KeyPosition, new ConfigValue.List(poolers, nodes.KeyPosition));
    }

    static ConfigEntry Merge(string section, List<ConfigEntry> translated, ConfigEntry? own) => own switch
    {
        null => new ConfigEntry(section, translated[0].KeyPosition, new ConfigValue.Table(translated, translated[0].KeyPosition)),
        { Value: ConfigValue.Table table } => own with { Value = table with { Entries = [.. table.Entries, .. translated.Where(entry => table.Entries.All(o => o.Key != entry.Key))] } },
        _ => own,
    };

    static string ClusterName(ConfigEntry? prefix) =>
        prefix?.Value is ConfigValue.Text { Value: var text } && text.Split('/')[^1] is { Length: > 0 } name ? name : UnnamedCluster;

    static bool SelectsLatest(ConfigEntry xpath) => xpath.Value is ConfigValue.Text { Value: var text } && text.Contains("LATEST", StringComparison.Ordinal);

    static ConfigEntry Entry(string key, string value, ConfigEntry? at = null) => EntryAt(key, value, at?.Value.Position ?? Start);

    static ConfigEntry EntryAt(string key, string value, SourcePosition position) => new(key, position, new ConfigValue.Text(value, position));
}
