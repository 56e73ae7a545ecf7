using System.Globalization;
using PgCluster.Playground;
using PgCluster.Playground.Hosts;

namespace PgCluster.Bench.Unplanned;

/// <summary>The configuration files of a Patroni cluster, as text.</summary>
internal static class PatroniFiles
{
    public const int RestPort = 8008;
    public const int RoutePort = 5000;

    // Patroni's own business, or different on every host.
    private static readonly string[] Own =
        ["cluster_name", "listen_addresses", "port", "unix_socket_directories", "synchronous_standby_names", "synchronous_commit", "logging_collector"];

    /// <summary>One node's. PostgreSQL's settings are those our own servers run with.</summary>
    public static string Node(
        string cluster, NamespaceHost host, string etcd, string postgresBin, string sockets, string postgresConf, string script, PatroniSettings settings)
    {
        var parameters = string.Join(", ", Parameters(postgresConf).Select(parameter => $"{parameter.Name}: {Quote(parameter.Value)}"));
        return string.Create(CultureInfo.InvariantCulture, $$"""
            scope: {{cluster}}
            namespace: /patroni/
            name: {{host.Name}}
            restapi:
              listen: {{host.Address}}:{{RestPort}}
              connect_address: {{host.Address}}:{{RestPort}}
            etcd3:
              hosts: {{etcd}}
            bootstrap:
              dcs:
                ttl: {{settings.Ttl}}
                loop_wait: {{settings.LoopWait}}
                retry_timeout: {{settings.RetryTimeout}}
                primary_start_timeout: {{settings.PrimaryStartTimeout}}
                maximum_lag_on_failover: 1048576
                synchronous_mode: true
                postgresql:
                  use_pg_rewind: true
                  use_slots: true
                  parameters: {{{parameters}}}
              initdb:
              - encoding: UTF8
              - locale: C.UTF-8
              post_init: /bin/sh {{script}}
            postgresql:
              listen: {{host.Address}}:5432
              connect_address: {{host.Address}}:5432
              data_dir: {{host.Disk}}/data
              bin_dir: {{postgresBin}}
              pgpass: {{host.Disk}}/pgpass
              authentication:
                superuser:
                  username: postgres
                replication:
                  username: {{PlaygroundFiles.ReplicationUser}}
              pg_hba:
              - local all all trust
              - host all all {{HostNetwork.Network}} trust
              - host replication all {{HostNetwork.Network}} trust
              basebackup:
              - checkpoint: fast
              parameters:
                unix_socket_directories: {{Quote(sockets)}}

            """);
    }

    /// <summary>What Patroni runs once in a new cluster, with the address of the server as its argument.</summary>
    public static string PostInit(string postgresBin) => $"""
        set -e
        "{postgresBin}/psql" -v ON_ERROR_STOP=1 -d "$1" -c "create role {PlaygroundFiles.AppUser} login"
        "{postgresBin}/psql" -v ON_ERROR_STOP=1 -d "$1" -c "create database {PlaygroundFiles.AppDatabase} owner {PlaygroundFiles.AppUser}"

        """;

    /// <summary>HAProxy's on the application's host, as in Patroni's example: to whoever answers that it is the primary.</summary>
    public static string Proxy(NamespaceHost application, IEnumerable<NamespaceHost> hosts, PatroniSettings settings) => string.Create(CultureInfo.InvariantCulture, $"""
        global
            maxconn 1000
        defaults
            mode tcp
            retries 2
            timeout client 30m
            timeout connect {settings.ConnectSeconds}s
            timeout server 30m
            timeout check 5s
        listen primary
            bind {application.Address}:{RoutePort}
            option httpchk OPTIONS /primary
            http-check expect status 200
            default-server inter {settings.CheckMilliseconds}ms fall {settings.Fall} rise {settings.Rise} on-marked-down shutdown-sessions
            {string.Join("\n    ", hosts.Select(host => $"server {host.Name} {host.Address}:5432 maxconn 200 check port {RestPort}"))}

        """);

    private static IEnumerable<(string Name, string Value)> Parameters(string postgresConf) => postgresConf.Split('\n')
        .Select(line => line.Split(" = ", 2)).Where(line => line is [var name, _] && !name.StartsWith('#') && !Own.Contains(name, StringComparer.Ordinal))
        .Select(line => (line[0], line[1].Trim('\'')));

    private static string Quote(string value) => $"'{value.Replace("'", "''", StringComparison.Ordinal)}'";
}
