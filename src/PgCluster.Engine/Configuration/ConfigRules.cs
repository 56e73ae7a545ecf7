using System.Globalization;

namespace PgCluster.Engine.Configuration;

/// <summary>What has to hold between options, time budgets apart (<see cref="BudgetRules"/>).</summary>
public static class ConfigRules
{
    /// <summary>The rules this configuration breaks; empty when all hold.</summary>
    /// <param name="config">Values that are each well formed.</param>
    public static IReadOnlyList<ConfigViolation> Check(ClusterConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var (etcd, tls) = (config.Etcd, config.Tls);
        return
        [
            .. AllOrNone(("tls.ca_file", tls.CaFile), ("tls.cert_file", tls.CertFile), ("tls.key_file", tls.KeyFile)),
            .. AllOrNone(("etcd.cert_file", etcd.CertFile), ("etcd.key_file", etcd.KeyFile)),
            .. AllOrNone(("etcd.user", etcd.User), ("etcd.password_file", etcd.PasswordFile)),
            .. Unique("nodes", config.Nodes.Select(node => node.Name)),
            .. Unique("poolers", config.Poolers.Select(pooler => pooler.Name)),
            .. OneAddressEach(config, "host", node => new HostPort(node.Host, node.Port)),
            .. OneAddressEach(config, "agent", node => node.Agent),
            .. PgcmAddresses(config),
            .. KnownNodes(config),
            .. SynchronousStandbys(config),
        ];
    }

    static IEnumerable<ConfigViolation> AllOrNone(params (string Path, string Value)[] options)
    {
        var given = options.Where(option => option.Value.Length > 0).Select(option => option.Path).ToList();
        if (given.Count > 0 && given.Count < options.Length)
        {
            var missing = options.Select(option => option.Path).Except(given);
            var all = options.Length == 2 ? "both" : "all of them";
            yield return new(
                [.. options.Select(option => option.Path)],
                $"{string.Join(" and ", given)} without {string.Join(" and ", missing)}; expected {all} or none");
        }
    }

    static IEnumerable<ConfigViolation> Unique(string section, IEnumerable<string> names)
    {
        // PostgreSQL compares synchronous_standby_names without regard to case, so names that differ in nothing else are one name.
        var firsts = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        foreach (var (index, name) in names.Index())
        {
            if (!firsts.TryAdd(name, index))
            {
                var (first, second) = ($"{section}[{firsts[name]}].name", $"{section}[{index}].name");
                yield return new([first, second], $"{second} is {TomlText.Quote(name)} like {first}; expected a name that no other has");
            }
        }
    }

    static IEnumerable<ConfigViolation> OneAddressEach(ClusterConfig config, string option, Func<NodeConfig, HostPort> addressOf)
    {
        // What answers there would count for both.
        var firsts = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        foreach (var (index, address) in config.Nodes.Select(node => addressOf(node).ToString()).Index())
        {
            if (!firsts.TryAdd(address, index))
            {
                var (first, second) = ($"nodes[{firsts[address]}].{option}", $"nodes[{index}].{option}");
                yield return new([first, second], $"{second} leads to {TomlText.Quote(address)} like {first}; expected an address that no other node has");
            }
        }
    }

    static IEnumerable<ConfigViolation> PgcmAddresses(ClusterConfig config)
    {
        // It goes without certificates there: nothing else may be served at that address.
        foreach (var (index, node) in config.Nodes.Index().Where(n => n.Item.Pgcm is not null && (n.Item.Pgcm == n.Item.Agent || n.Item.Pgcm == n.Item.Http)))
        {
            var other = node.Pgcm == node.Agent ? "agent" : "http";
            yield return new(
                [$"nodes[{index}].pgcm", $"nodes[{index}].{other}"],
                $"nodes[{index}].pgcm leads to {TomlText.Quote(node.Pgcm!.ToString())} like nodes[{index}].{other}; expected an address of its own");
        }
    }

    static IEnumerable<ConfigViolation> SynchronousStandbys(ClusterConfig config)
    {
        var synchronous = config.Synchronous;
        if (synchronous.Mode == SynchronousMode.Manual)
        {
            yield break;
        }

        var mode = $"synchronous.mode ({TomlText.Quote(synchronous.Mode.ToString().ToLowerInvariant())})";
        if (config.Manager != ClusterManager.Native)
        {
            yield return new(
                ["synchronous.mode", "cluster.manager"],
                $"{mode} needs cluster.manager \"native\"; expected \"manual\", or two managers would write synchronous_standby_names");
        }

        // The primary is one of them, and a commit that only a node has which may not lead would be lost with the primary.
        var others = config.Nodes.Count(node => !node.NoFailover) - 1;
        if (synchronous.Mode != SynchronousMode.Performance && config.Nodes.Count > 0 && synchronous.Standbys > others)
        {
            yield return new(
                ["synchronous.standbys", "synchronous.mode"],
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"synchronous.standbys ({synchronous.Standbys}) with {mode} is more than the {Math.Max(others, 0)} standbys that [[nodes]] without no_failover leave beside a primary; expected at most that many"));
        }

        if (synchronous.Mode != SynchronousMode.Performance && synchronous.Standbys >= config.Roles.Voters)
        {
            yield return new(
                ["roles.voters", "synchronous.standbys"],
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"roles.voters ({config.Roles.Voters}) with {mode} leaves fewer voters beside the primary than synchronous.standbys ({synchronous.Standbys}) asks for; expected at least {synchronous.Standbys + 1}"));
        }
    }

    static IEnumerable<ConfigViolation> KnownNodes(ClusterConfig config)
    {
        var names = config.Nodes.Select(node => node.Name).ToList();
        foreach (var (index, pooler) in config.Poolers.Index())
        {
            if (pooler.Node.Length > 0 && !names.Contains(pooler.Node, StringComparer.Ordinal))
            {
                var hint = Suggestion.For(pooler.Node, names) is { } name ? $"; did you mean {TomlText.Quote(name)}?" : "";
                var path = $"poolers[{index}].node";
                yield return new(
                    [path],
                    $"{path} is {TomlText.Quote(pooler.Node)}; "
                        + $"expected the name of one of [[nodes]], or nothing for an application host{hint}");
            }
        }
    }
}
