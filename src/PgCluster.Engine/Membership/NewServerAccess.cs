using System.Net;
using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Membership;

/// <summary>
/// pg_hba.conf of a new cluster: over its sockets who the operating system says one is, over the network the hosts of the configuration, with a password. Without a password
/// file nobody has a password, which only does where all nodes are on one machine.
/// </summary>
public static class NewServerAccess
{
    /// <summary>True when roles have passwords: the configuration names the file that has them.</summary>
    public static bool HasPasswords(ClusterConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return config.Postgres.PasswordFile.Length > 0;
    }

    /// <summary>True for a host that only this machine can reach.</summary>
    public static bool IsLoopback(string host) => host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    /// <summary>Its lines.</summary>
    public static IReadOnlyList<string> Of(ClusterConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var method = HasPasswords(config) ? "scram-sha-256" : "trust";
        var nodes = config.Nodes.Select(n => n.Host).Prepend("::1").Prepend("127.0.0.1").Select(Address).Distinct(StringComparer.Ordinal).ToArray();
        var poolers = config.Poolers.Select(p => p.Host).Select(Address).Except(nodes, StringComparer.Ordinal).ToArray();
        return
        [
            $"local all all {(HasPasswords(config) ? "peer" : "trust")}",
            .. nodes.Concat(poolers).Select(host => $"host all all {host} {method}"),
            .. nodes.Select(host => $"host replication {Quote(config.Postgres.ReplicationUser)} {host} {method}"),
        ];
    }

    private static string Address(string host) => IPAddress.TryParse(host, out var address)
        ? $"{address}/{(address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? "128" : "32")}"
        : host;

    private static string Quote(string role) => $"\"{role.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
