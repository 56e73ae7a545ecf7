using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;

namespace PgCluster.Engine.Membership;

/// <summary>
/// Whether agents may bring up a cluster that nobody has initialised. They may when everything is known and nothing is in doubt: every agent has reported, no server ran
/// before its agent came, all servers are of one database system, and exactly one of them is not a standby. Servers that somebody else has started are somebody
/// else's: a person says with Initialize-PgCluster that they are to be taken over, after everything was checked.
/// </summary>
public static class FirstStartRule
{
    /// <summary>Why the agents have to wait; null when they need not.</summary>
    /// <param name="config">The cluster.</param>
    /// <param name="reports">What the agents have said of their servers.</param>
    public static string? WhyWait(ClusterConfig config, IReadOnlyList<NodeReport> reports)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(reports);
        var nodes = config.Nodes.Select(n => (n.Name, Report: reports.FirstOrDefault(r => r.Name == n.Name))).ToArray();
        var found = Names(nodes.Where(n => n.Report is { FoundRunning: true }));
        var silent = Names(nodes.Where(n => n.Report is null));
        var unclear = Names(nodes.Where(n => n.Report is { Postgres.Data: DataDirectoryState.Unknown or DataDirectoryState.Other }));
        var servers = nodes.Where(n => n.Report is { Postgres.Data: DataDirectoryState.Cluster }).ToArray();
        var primaries = servers.Where(n => n.Report!.Postgres.Role != NodeRole.Standby).ToArray();
        return found.Length > 0 ? $"{found} ran already before its agent came"
            : silent.Length > 0 ? $"the agent of {silent} has not reported yet"
            : unclear.Length > 0 ? $"what the data directory of {unclear} holds is not clear"
            : servers.Length == 0 ? "there is no server yet: Initialize-PgCluster -New makes the first one"
            : servers.Select(n => n.Report!.Postgres.SystemIdentifier).Distinct(StringComparer.Ordinal).Count() > 1 ? $"{Names(servers)} are not of one cluster"
            : primaries.Length == 0 ? $"{Names(servers)} are standbys, and there is no primary"
            : primaries.Length > 1 ? $"{Names(primaries)} are each no standby, and only one can be the primary"
            : null;
    }

    private static string Names(IEnumerable<(string Name, NodeReport? Report)> nodes) => string.Join(" and ", nodes.Select(n => n.Name));
}
