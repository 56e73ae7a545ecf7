using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>A node has one agent: the next one at its place goes on with the server, and with the leadership, that it finds, and one at another place does nothing.</summary>
public sealed class AgentIdentityTests(LongLeaseLab lab) : IClassFixture<LongLeaseLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_killed_agents_successor_adopts_its_server()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        foreach (var node in lab.Info.Servers)
        {
            var postmaster = lab.Postmaster(node.Name);
            var term = await TermAsync();
            await lab.KillAsync("agent-" + node.Name);
            await lab.StartAgainAsync("agent-" + node.Name);
            Assert.True(postmaster.IsRunning, $"{node.Name} did not survive its agent");
            await Poll.UntilAsync("the new agent does the work of the old one", async () => node.Name == primary ? await TermAsync() != term : await AnswersAsync(node.Name), TimeSpan.FromMinutes(3));
            await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
            Assert.Equal(postmaster, lab.Postmaster(node.Name));
        }

        Assert.Equal(primary, await lab.PrimaryAsync());
    }

    [Fact]
    public async Task A_second_agent_of_a_node_does_nothing_and_says_why()
    {
        await lab.WaitUntilSoundAsync();
        var node = lab.Config.Nodes[1];
        var server = lab.Info.Servers.Single(s => s.Name == node.Name);
        var elsewhere = Path.Combine(lab.Info.Path, "elsewhere");
        Directory.CreateDirectory(elsewhere);
        ClusterLab.Account?.Own(elsewhere);
        using var ports = new LoopbackPorts();
        var file = await WriteConfigAsync(
            (server.DataDirectory, Path.Combine(elsewhere, "data")), ($"\"{node.Agent}\"", $"\"127.0.0.1:{ports.Take()}\""), ($"\"{node.Http}\"", $"\"127.0.0.1:{ports.Take()}\""));
        var postmasters = lab.Info.Servers.Select(s => lab.Postmaster(s.Name)).ToArray();
        var log = Path.Combine(elsewhere, "agent.log");

        var second = await lab.StartAgentByAsync(node.Name, file, log);
        try
        {
            await Poll.UntilAsync("it says so", async () => File.Exists(log) && (await File.ReadAllTextAsync(log, Token)).Contains($"another agent works as {node.Name}", StringComparison.Ordinal), TimeSpan.FromMinutes(2));
            Assert.True(second.IsRunning);
            await lab.WaitUntilSoundAsync();
        }
        finally
        {
            second.Signal(UnixSignal.Kill);
        }

        Assert.Contains($"{server.DataDirectory}, and this one is at ", await File.ReadAllTextAsync(log, Token), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(elsewhere, "data")));
        Assert.Equal(postmasters, lab.Info.Servers.Select(s => lab.Postmaster(s.Name)));
    }

    [Fact]
    public async Task An_agent_is_not_taken_for_that_of_another_node()
    {
        await lab.WaitUntilSoundAsync();
        var (one, other) = (lab.Config.Nodes[1], lab.Config.Nodes[2]);
        var file = await WriteConfigAsync(($"\"{one.Agent}\"", "\"x\""), ($"\"{other.Agent}\"", $"\"{one.Agent}\""), ("\"x\"", $"\"{other.Agent}\""));
        await using var cluster = ClusterConnection.Open(file);

        var nodes = await cluster.GetNodesAsync(Token);

        Assert.Equal(NodeState.Running, nodes[0].State);
        Assert.All(nodes.Skip(1), n => Assert.Equal(NodeState.Unreachable, n.State));
        Assert.Contains($"is the agent of {other.Name}", nodes[1].Evidence, StringComparison.Ordinal);
        Assert.Contains($"is the agent of {one.Name}", nodes[2].Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_elsewhere_for_its_agent_is_found_by_the_checkup()
    {
        await lab.WaitUntilSoundAsync();
        Assert.DoesNotContain(await lab.Cluster.CheckAsync(Token), c => c.Name == "NodeAddress");
        var node = lab.Config.Nodes[1];
        var file = await WriteConfigAsync(($"port = {node.Port}", "port = 1"));
        await using var cluster = ClusterConnection.Open(file);

        var check = Assert.Single(await cluster.CheckAsync(Token), c => c.Name == "NodeAddress");

        Assert.Equal((CheckStatus.Warning, $"the agent of {node.Name} has its server at {node.Host}:{node.Port}, the configuration here at {node.Host}:1"), (check.Status, check.Evidence));
    }

    /// <summary>The cluster's configuration with other texts in it.</summary>
    private async Task<string> WriteConfigAsync(params (string Old, string New)[] changes)
    {
        var text = await File.ReadAllTextAsync(lab.Info.ConfigFile, Token);
        foreach (var (old, other) in changes)
        {
            Assert.Contains(old, text, StringComparison.Ordinal);
            text = text.Replace(old, other, StringComparison.Ordinal);
        }

        var file = Path.Combine(lab.Info.Path, Guid.NewGuid().ToString("N") + ".toml");
        await File.WriteAllTextAsync(file, text, Token);
        ClusterLab.Account?.Own(file);
        return file;
    }

    private async Task<string?> TermAsync() => LeaderRecord.FromJson((await lab.Store.GetAsync(StoreKeys.Leader, Token))?.Value)?.Term;

    private async Task<bool> AnswersAsync(string node)
    {
        try
        {
            await lab.Peers.Node(node).GetStatusAsync(Token);
            return true;
        }
        catch (PgClusterException)
        {
            return false;
        }
    }
}
