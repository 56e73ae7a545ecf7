using PgCluster.Bench.Hosts;
using PgCluster.Playground.Hosts;

namespace PgCluster.Bench.Unplanned;

/// <summary>A product with certain settings.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Title">Its name in tables.</param>
/// <param name="Settings">What is set, for people.</param>
/// <param name="Lease">How many seconds its leader's lease lasts.</param>
/// <param name="IsOurs">Whether it has targets to reach.</param>
/// <param name="Create">A cluster of it that is not started yet.</param>
internal sealed record Contender(string Name, string Title, string Settings, double Lease, bool IsOurs, Func<HostNetwork, HostedCluster> Create)
{
    public static IReadOnlyList<Contender> All(UnplannedOptions options) =>
    [
        Ours("ours", "PgCluster, defaults", 10, [], options),
        Ours("ours-fast", "PgCluster, fast profile", 3, new() { ["leader.ttl"] = "3s", ["etcd.timeout"] = "1s" }, options),
        Patroni("patroni", "Patroni, defaults", PatroniSettings.Defaults),
        Patroni("patroni-small", "Patroni, smallest settings", PatroniSettings.Smallest),
    ];

    private static Contender Ours(string name, string title, double lease, Dictionary<string, string> settings, UnplannedOptions options) => new(
        name, title,
        settings.Count == 0 ? "leader.ttl = 10s" : string.Join(", ", settings.Select(setting => $"{setting.Key} = {setting.Value}")),
        lease, IsOurs: true,
        network => new HostCluster(network, EtcdLayout.Shared, new HostedClusterOptions { Agent = options.Agent, Settings = settings }));

    private static Contender Patroni(string name, string title, PatroniSettings settings) => new(
        name, title, settings.ToString(), settings.Ttl, IsOurs: false, network => new PatroniCluster(network, settings));
}
