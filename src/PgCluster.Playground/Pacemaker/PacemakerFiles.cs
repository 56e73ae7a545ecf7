using System.Globalization;
using System.Xml.Linq;

namespace PgCluster.Playground.Pacemaker;

/// <summary>The files Pacemaker on hosts begins with, as text.</summary>
internal static class PacemakerFiles
{
    /// <summary>The resource, which the attributes of the nodes begin with.</summary>
    internal const string Resource = "Postgresql";

    /// <summary>The promotable clone around it, which is what is moved.</summary>
    internal const string Clone = "msPostgresql";

    /// <summary>corosync.conf: the timeouts are those that pgsql-cluster-manager was made for.</summary>
    internal static string Corosync(PlaygroundState state) => string.Join('\n', [
        "# Written by the playground.",
        "totem {",
        "    version: 2",
        $"    cluster_name: {state.Name}",
        "    transport: udpu",
        "    token: 3000",
        "    consensus: 3600",
        "    crypto_cipher: none",
        "    crypto_hash: none",
        "}",
        "quorum {",
        "    provider: corosync_votequorum",
        "}",
        "system {",
        "    # The hosts are no machines of their own: its control group stays as it is.",
        "    move_to_root_cgroup: no",
        "}",
        "logging {",
        "    to_stderr: yes",
        "    to_logfile: no",
        "    to_syslog: no",
        "    timestamp: on",
        "}",
        "nodelist {",
        .. state.Servers.SelectMany((server, i) => new[]
        {
            "    node {",
            $"        name: {server.Name}",
            string.Create(CultureInfo.InvariantCulture, $"        nodeid: {i + 1}"),
            $"        ring0_addr: {server.Host}",
            "    }",
        }),
        "}",
        "",
    ]);

    /// <summary>
    /// The cluster information base. The first node has the latest data, so that it is the first primary and not whoever is quickest.
    /// Standbys get every node's address and take the one that is the primary: there is no address that moves with it.
    /// </summary>
    internal static string Cib(PlaygroundState state, PacemakerPaths paths, string binDirectory) => new XDocument(
        new XElement(
            "cib",
            new XAttribute("validate-with", "pacemaker-3.7"),
            new XAttribute("admin_epoch", 0),
            new XAttribute("epoch", 1),
            new XAttribute("num_updates", 0),
            new XElement(
                "configuration",
                new XElement("crm_config", new XElement(
                    "cluster_property_set",
                    new XAttribute("id", "cib-bootstrap-options"),
                    Pairs(
                        "cib-bootstrap-options",
                        ("stonith-enabled", "false"),
                        ("no-quorum-policy", "stop"),

                        // How long the first one waits for the others: 20 s by default.
                        ("dc-deadtime", "5s")))),
                new XElement("nodes", state.Servers.Select((server, i) => new XElement(
                    "node",
                    new XAttribute("id", i + 1),
                    new XAttribute("uname", server.Name),
                    Attributes("instance_attributes", $"nodes-{i + 1}", (Resource + "-data-status", i == 0 ? "LATEST" : "DISCONNECT"))))),
                new XElement("resources", new XElement(
                    "clone",
                    new XAttribute("id", Clone),
                    Attributes(
                        "meta_attributes", Clone + "-meta_attributes",
                        ("promotable", "true"),
                        ("promoted-max", "1"),
                        ("promoted-node-max", "1"),
                        ("clone-max", state.Servers.Count.ToString(CultureInfo.InvariantCulture)),
                        ("clone-node-max", "1"),
                        ("interleave", "true"),
                        ("notify", "true")),
                    new XElement(
                        "primitive",
                        new XAttribute("id", Resource),
                        new XAttribute("class", "ocf"),
                        new XAttribute("provider", "heartbeat"),
                        new XAttribute("type", "pgsql"),
                        Attributes(
                            "instance_attributes", Resource + "-instance_attributes",
                            ("pgctl", Path.Combine(binDirectory, "pg_ctl")),
                            ("psql", Path.Combine(binDirectory, "psql")),
                            ("pgdata", paths.DataDirectory),
                            ("pgport", state.Servers[0].Port.ToString(CultureInfo.InvariantCulture)),
                            ("socketdir", paths.Cluster.Sockets),
                            ("rep_mode", "sync"),
                            ("node_list", string.Join(' ', state.Servers.Select(server => server.Name))),
                            ("master_ip", string.Join(',', state.Servers.Select(server => server.Host))),
                            ("primary_conninfo_opt", "target_session_attrs=primary connect_timeout=2 keepalives_idle=5 keepalives_interval=1 keepalives_count=3"),
                            ("repuser", PlaygroundFiles.ReplicationUser),
                            ("tmpdir", paths.TemporaryDirectory),
                            ("logfile", paths.ServerLog)),
                        new XElement(
                            "operations",
                            Operation("start", "0s", "restart"),
                            Operation("monitor", "2s", "restart"),
                            Operation("monitor", "1s", "restart", "Promoted"),
                            Operation("promote", "0s", "restart"),
                            Operation("demote", "0s", "stop"),
                            Operation("stop", "0s", "block"),
                            Operation("notify", "0s", null))))),
                new XElement("constraints"),
                new XElement("rsc_defaults", Attributes("meta_attributes", "rsc-options", ("resource-stickiness", "100")))),
            new XElement("status"))).ToString();

    /// <summary>A file of groups in which this user is a member of that group, too.</summary>
    /// <param name="groups">As /etc/group has them.</param>
    /// <param name="group">The group.</param>
    /// <param name="user">The user.</param>
    internal static string WithMember(string groups, string group, string user) => string.Join('\n', groups.Split('\n').Select(line =>
        !line.StartsWith(group + ":", StringComparison.Ordinal) ? line
        : line[(line.LastIndexOf(':') + 1)..].Split(',').Contains(user, StringComparer.Ordinal) ? line
        : line.EndsWith(':') ? line + user
        : $"{line},{user}"));

    private static XElement Attributes(string element, string id, params (string Name, string Value)[] pairs) => new(element, new XAttribute("id", id), Pairs(id, pairs));

    private static IEnumerable<XElement> Pairs(string id, params (string Name, string Value)[] pairs) => pairs.Select(pair => new XElement(
        "nvpair", new XAttribute("id", $"{id}-{pair.Name}"), new XAttribute("name", pair.Name), new XAttribute("value", pair.Value)));

    private static XElement Operation(string name, string interval, string? onFail, string? role = null) => new(
        "op",
        new XAttribute("id", $"{Resource}-{name}-{interval}"),
        new XAttribute("name", name),
        new XAttribute("interval", interval),
        new XAttribute("timeout", "60s"),
        onFail is null ? null : new XAttribute("on-fail", onFail),
        role is null ? null : new XAttribute("role", role));
}
