using System.Globalization;
using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Membership;

/// <summary>What of a node can be set while it runs: failure domain, weight and no_failover.</summary>
public static class NodeSettings
{
    /// <summary>Where the two differ, by the options of the configuration file, for example weight: 0 -> 10.</summary>
    public static IReadOnlyList<string> Differences(NodeConfig from, NodeConfig to)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        return [.. new[] { Domain(from, to), Weight(from, to), NoFailover(from, to) }.OfType<string>()];
    }

    /// <summary>Where the cluster's word on a node is another than its configuration file's, as <see cref="Differences"/>; none for a node that the file does not have.</summary>
    /// <param name="file">What the file says.</param>
    /// <param name="now">The configuration in effect.</param>
    /// <param name="name">The node's name.</param>
    public static IReadOnlyList<string> Overrides(ClusterConfig file, ClusterConfig now, string name)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(now);
        return file.Nodes.FirstOrDefault(n => n.Name == name) is { } written && now.Nodes.FirstOrDefault(n => n.Name == name) is { } inEffect ? Differences(written, inEffect) : [];
    }

    /// <summary>A record with the settings of another where that has some; the rest as it is.</summary>
    internal static MemberRecord Change(MemberRecord record, MemberRecord change) => record with
    {
        FailureDomain = change.FailureDomain ?? record.FailureDomain,
        Weight = change.Weight ?? record.Weight,
        NoFailover = change.NoFailover ?? record.NoFailover,
        By = change.By,
    };

    private static string? Domain(NodeConfig from, NodeConfig to) =>
        from.FailureDomain == to.FailureDomain ? null : $"failure_domain: {OrNone(from.FailureDomain)} -> {OrNone(to.FailureDomain)}";

    private static string? Weight(NodeConfig from, NodeConfig to) =>
        from.Weight == to.Weight ? null : string.Create(CultureInfo.InvariantCulture, $"weight: {from.Weight} -> {to.Weight}");

    private static string? NoFailover(NodeConfig from, NodeConfig to) => from.NoFailover == to.NoFailover ? null : $"no_failover: {Flag(from)} -> {Flag(to)}";

    private static string OrNone(string domain) => domain.Length == 0 ? "none" : domain;

    private static string Flag(NodeConfig node) => node.NoFailover ? "true" : "false";
}
