using PgCluster.Adapters.Process;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>Two nodes to which others come: commits can wait for one of them. Rounds are so far apart that what is seen to happen has happened at once.</summary>
public sealed class GrowingLab : ClusterLab
{
    private readonly Dictionary<string, NodeConfig> _nodes = [];

    protected override int Nodes => 2;

    // None of these tests is about time, and a busy machine is slow.
    protected override Dictionary<string, string> Settings => new()
    {
        ["synchronous.mode"] = "availability",
        ["roles.adjustment_interval"] = "1h",
        ["etcd.timeout"] = "8s",
        ["leader.ttl"] = "2m",
        ["failover.lock_timeout"] = "20s",
    };

    /// <summary>Whatever a test before has left: so many nodes, at least two, in the order of their coming.</summary>
    public async Task<List<string>> HaveAsync(int count)
    {
        await this.ResumeAsync();
        await WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        var primary = await PrimaryAsync();
        var others = (await Cluster.GetNodesAsync(Token)).Select(n => n.Name).Where(n => n != primary).Order(StringComparer.Ordinal).ToArray();
        foreach (var node in others.Skip(count - 1))
        {
            await this.RemoveAsync(node);
        }

        List<string> members = [primary, .. others.Take(count - 1)];
        while (members.Count < count)
        {
            await GrowAsync(members);
        }

        await Cluster.WaitForNodesAsync(members, NodeCondition.Ready, TimeSpan.FromMinutes(3), null, Token);
        return members;
    }

    /// <summary>One more node, of the first name that is free, which streams when this returns; its name.</summary>
    public async Task<string> GrowAsync(List<string> members)
    {
        var name = Enumerable.Range(1, 9).Select(i => $"pg0{i}").First(n => !members.Contains(n));
        if (!_nodes.TryGetValue(name, out var node) && (node = Config.Nodes.FirstOrDefault(n => n.Name == name)) is null)
        {
            using var ports = new LoopbackPorts();
            node = new NodeConfig
            {
                Name = name,
                Host = "127.0.0.1",
                Port = ports.Take(),
                Agent = new HostPort("127.0.0.1", ports.Take()),
                Http = new HostPort("127.0.0.1", ports.Take()),
                DataDirectory = Path.Combine(Info.Path, name, "data"),
            };
            await StartAgentOfAsync(name);
        }

        _nodes[name] = node;
        await this.AddAsync(node);
        members.Add(name);
        return name;
    }
}
