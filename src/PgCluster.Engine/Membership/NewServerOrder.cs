using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Membership;

/// <summary>The first server of a new cluster, as its agent is asked to make it.</summary>
/// <param name="Operation">Id of the operation it is made for: only what carries it is put in place or removed.</param>
/// <param name="Locale">initdb's --locale.</param>
/// <param name="Encoding">initdb's --encoding.</param>
/// <param name="Settings">Lines of postgresql.conf.</param>
/// <param name="Access">Lines of pg_hba.conf.</param>
public sealed record NewServerOrder(string Operation, string Locale, string Encoding, IReadOnlyList<string> Settings, IReadOnlyList<string> Access)
{
    private const int FewestSenders = 10;

    /// <summary>Senders and slots that are left beyond one for each other node: a copy takes two.</summary>
    private const int Spare = 4;

    /// <summary>The order for a node of a cluster.</summary>
    public static NewServerOrder For(ClusterConfig config, NodeConfig node, string operation, string locale, string encoding)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(node);
        return new NewServerOrder(operation, locale, encoding, SettingsOf(config, node), NewServerAccess.Of(config));
    }

    private static string[] SettingsOf(ClusterConfig config, NodeConfig node)
    {
        var senders = Math.Max(FewestSenders, config.Nodes.Count + Spare);
        return
        [
            $"port = {Text(node.Port)}",

            // The copies take these lines over, each on a host of its own: an address of this one would be wrong there.
            $"listen_addresses = '{(NewServerAccess.IsLoopback(node.Host) ? node.Host : "*")}'",
            "wal_level = replica",
            "hot_standby = on",
            "wal_log_hints = on",
            $"max_wal_senders = {Text(senders)}",
            $"max_replication_slots = {Text(senders)}",

            // With the default of 5 s a standby may come back that late after its primary did, and commits wait for it.
            "wal_retrieve_retry_interval = 200ms",
            "password_encryption = 'scram-sha-256'",
        ];

        static string Text(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }
}
