using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Membership;

/// <summary>
/// Lays the members that stand in the store over the nodes of a configuration file. Agents, observers and clients all see the cluster through this, so that they agree on
/// its nodes whatever their files say.
/// </summary>
public static class MemberOverlay
{
    /// <summary>The configuration that is in effect. Nodes of the file keep their place; those that only the store has follow by name.</summary>
    /// <param name="file">What the file says.</param>
    /// <param name="members">What stands in the store.</param>
    public static ClusterConfig Apply(ClusterConfig file, Members members)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(members);
        if (members.Records.Count == 0)
        {
            return file;
        }

        var records = members.Records;
        var added = records.Where(r => file.Nodes.All(n => n.Name != r.Key)).OrderBy(r => r.Key, StringComparer.Ordinal)
            .Select(r => r.Value.Removed ? null : New(r.Key, r.Value)).OfType<NodeConfig>();
        var nodes = file.Nodes
            .Where(n => records.GetValueOrDefault(n.Name) is not { Removed: true })
            .Select(n => records.TryGetValue(n.Name, out var record) ? Change(n, record) : n)
            .Concat(added).ToArray();
        var gone = records.Where(r => r.Value.Removed).Select(r => r.Key).ToHashSet(StringComparer.Ordinal);
        return file with
        {
            Nodes = [.. nodes],

            // Beside a removed node nobody keeps its pauses any more.
            Poolers = [.. file.Poolers.Where(p => !gone.Contains(p.Node)).Select(p => Beside(p, file, nodes))],
        };
    }

    /// <summary>A node of its own out of a record; null when the record does not say enough.</summary>
    internal static NodeConfig? New(string name, MemberRecord record) =>
        record is { Host: { } host, Agent: { } agent, Http: { } http } && HostPort.TryParse(agent) is { } agentAddress && HostPort.TryParse(http) is { } httpAddress
            ? Change(new NodeConfig { Name = name, Host = host, Agent = agentAddress, Http = httpAddress }, record)
            : null;

    private static NodeConfig Change(NodeConfig node, MemberRecord record) => node with
    {
        Host = record.Host ?? node.Host,
        Port = record.Port ?? node.Port,
        Agent = AddressOr(record.Agent, node.Agent),
        Http = AddressOr(record.Http, node.Http),
        DataDirectory = record.DataDirectory ?? node.DataDirectory,
        LogFile = record.LogFile ?? node.LogFile,
        FailureDomain = record.FailureDomain ?? node.FailureDomain,
        Weight = record.Weight ?? node.Weight,
        NoFailover = record.NoFailover ?? node.NoFailover,
    };

    /// <summary>A pooler whose keeper is the agent of its node goes with that agent's address.</summary>
    private static PoolerConfig Beside(PoolerConfig pooler, ClusterConfig file, NodeConfig[] nodes) =>
        file.Nodes.FirstOrDefault(n => n.Name == pooler.Node)?.Agent == pooler.Keeper && nodes.FirstOrDefault(n => n.Name == pooler.Node) is { } now
            ? pooler with { Keeper = now.Agent }
            : pooler;

    private static HostPort AddressOr(string? text, HostPort otherwise) => text is null ? otherwise : HostPort.TryParse(text) ?? otherwise;
}
