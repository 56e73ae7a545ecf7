using System.Collections.Concurrent;
using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Membership;

/// <summary>What the cluster knows of a node changes while it serves, and nodes are waited for.</summary>
public sealed class NodeSettingsTests(MembersLab lab) : IClassFixture<MembersLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task The_heavier_node_is_chosen_and_nobody_notices_the_change()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var (postmaster, seat) = (lab.Postmaster(primary), await SeatAsync());
        string[] standbys = [.. lab.Config.Nodes.Select(n => n.Name).Where(n => n != primary)];
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 16 }, Token);

        // Each once, so that it is no chance who is chosen.
        foreach (var (heavy, light) in new[] { (standbys[0], standbys[1]), (standbys[1], standbys[0]) })
        {
            await SetAsync(new SetNodeRequest { Name = heavy, Weight = 10, FailureDomain = "here", Why = "more memory", Actor = "me@here" });
            await SetAsync(new SetNodeRequest { Name = light, Weight = -10, FailureDomain = "here", Actor = "me@here" });
            await Poll.UntilAsync($"{heavy} is the best candidate", async () => (await lab.Cluster.PlanFailoverAsync(new FailoverRequest(), Token)).To == heavy);
        }

        var node = (await lab.Cluster.GetNodesAsync(Token)).Single(n => n.Name == standbys[1]);
        Assert.Equal((10, "here"), (node.Weight, node.FailureDomain));
        Assert.Contains("weight: 0 -> 10", node.Overrides);
        Assert.Equal((postmaster, seat), (lab.Postmaster(primary), await SeatAsync()));
        var history = (await lab.Cluster.GetHistoryAsync(Token)).First(r => r.Kind == "set-node" && r.Node == standbys[1]);
        Assert.Equal(("me@here", $"{standbys[1]}: weight: -10 -> 10; more memory"), (history.Actor, history.Why));

        var failover = await lab.Cluster.PlanFailoverAsync(new FailoverRequest(), Token);
        var report = await lab.Cluster.RunFailoverAsync(failover, new FailoverRequest(), null, Token);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        Assert.Equal(standbys[1], report.NewPrimary);
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.Equal((0L, 0L, 0L), (gap.LostCommits, gap.DoubledCommits, gap.ClientErrors));
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task A_node_that_must_not_lead_is_not_waited_for_chosen_or_elected()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var (postmaster, seat) = (lab.Postmaster(primary), await SeatAsync());
        string[] standbys = [.. lab.Config.Nodes.Select(n => n.Name).Where(n => n != primary)];
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 8 }, Token);

        var report = await SetAsync(new SetNodeRequest { Name = standbys[0], NoFailover = true, Why = "reports", Actor = "me@here" });

        Assert.Equal([MembershipSteps.Set, MembershipSteps.Agents, MembershipSteps.Synchronous], report.Steps.Where(s => s.Phase == StepPhase.Run).Select(s => s.Name));
        Assert.DoesNotContain((await lab.RecordedAsync())!.InForce, p => p.Standbys.Contains(standbys[0]));
        Assert.Equal((postmaster, seat), (lab.Postmaster(primary), await SeatAsync()));
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.Equal((0L, 0L, 0L), (gap.LostCommits, gap.DoubledCommits, gap.ClientErrors));

        Assert.Contains("no_failover", string.Join(", ", (await lab.Cluster.RehearseElectionAsync(Token)).Candidates.Single(c => c.Node == standbys[0]).Reasons), StringComparison.Ordinal);
        Assert.Equal(Reason.TargetNotEligible, ClusterConnection.RefusalOf(await lab.Cluster.PlanFailoverAsync(new FailoverRequest { Target = standbys[0] }, Token))?.Reason);
        await Poll.UntilAsync($"{standbys[1]} may take over", async () => (await lab.Cluster.PlanFailoverAsync(new FailoverRequest(), Token)).To == standbys[1]);

        // With one more that must not lead no commit could wait for anybody.
        var refused = ClusterConnection.RefusalOf(await lab.Cluster.PlanSetNodeAsync(new SetNodeRequest { Name = standbys[1], NoFailover = true }, Token));
        Assert.Equal(Reason.InvalidConfiguration, refused?.Reason);

        // However well it is, and whoever is lost.
        await lab.WaitForListAsync(primary, "commits wait for the other one", l => l.Names(standbys[1]) && !l.Names(standbys[0]));
        await lab.EndPostmasterAsync(primary, UnixSignal.Kill);
        await lab.WaitUntilSoundAsync();
        Assert.NotEqual(standbys[0], await lab.PrimaryAsync());

        await SetAsync(new SetNodeRequest { Name = standbys[0], NoFailover = false, Actor = "me@here" });
        await Poll.UntilAsync("it may lead again", async () =>
            (await lab.Cluster.PlanFailoverAsync(new FailoverRequest(), Token)).Candidates.Single(c => c.Node == standbys[0]).Eligible);
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task What_is_so_already_is_not_written()
    {
        await lab.WaitUntilSoundAsync();
        var node = (await lab.Cluster.GetNodesAsync(Token))[^1];
        var before = (await Members.ReadAsync(lab.Store, Token)).Revision;
        var request = new SetNodeRequest { Name = node.Name, Weight = node.Weight, FailureDomain = node.FailureDomain, NoFailover = node.NoFailover };

        var plan = await lab.Cluster.PlanSetNodeAsync(request, Token);

        Assert.Null(ClusterConnection.RefusalOf(plan));
        Assert.Empty(plan.Steps);
        Assert.Equal(Reason.InvalidArgument, (await Assert.ThrowsAsync<PgClusterException>(() => lab.Cluster.RunSetNodeAsync(plan, request, null, Token))).Reason);
        Assert.Equal(before, (await Members.ReadAsync(lab.Store, Token)).Revision);
    }

    [Fact]
    public async Task Nodes_are_waited_for_until_all_are_ready()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var node = lab.Config.Nodes.First(n => n.Name != primary).Name;
        var said = new ConcurrentQueue<string>();
        void Say(IReadOnlyList<NodeReadiness> nodes) => said.Enqueue(string.Join("; ", nodes.Where(n => !n.IsReady)));
        Task<IReadOnlyList<ClusterNode>> waiting;

        using (lab.Lose(node))
        {
            waiting = lab.Cluster.WaitForNodesAsync(null, NodeCondition.Ready, TimeSpan.FromMinutes(5), Say, Token);
            await Poll.UntilAsync("it is missed", () => said.Any(s => s.Contains($"{node}: its agent does not answer", StringComparison.Ordinal)));
            Assert.False(waiting.IsCompleted);
        }

        var nodes = await waiting;
        Assert.Equal(lab.Config.Nodes.Select(n => n.Name), nodes.Select(n => n.Name));
        Assert.All(nodes, n => Assert.Equal(NodeState.Running, n.State));
        Assert.Equal(await lab.PrimaryAsync(), nodes.Single(n => n.Name == node).Upstream);
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task A_node_out_of_service_is_in_its_role_and_not_ready()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var node = lab.Config.Nodes.First(n => n.Name != primary).Name;
        var said = new ConcurrentQueue<string>();
        var request = new NodeSuspensionRequest { Node = node, Why = "a new disk", Actor = "it@here" };
        var (report, _) = await lab.Cluster.RunNodeSuspensionAsync(await lab.Cluster.PlanNodeSuspensionAsync(request, Token), request, null, Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);

        Assert.Equal([node], (await lab.Cluster.WaitForNodesAsync([node], NodeCondition.InRole, TimeSpan.FromMinutes(1), null, Token)).Select(n => n.Name));
        var waiting = lab.Cluster.WaitForNodesAsync([node], NodeCondition.Ready, TimeSpan.FromMinutes(5), n => said.Enqueue(string.Join("; ", n)), Token);
        await Poll.UntilAsync("it is missed", () => said.Contains($"{node}: it is suspended by it@here: a new disk"));
        await lab.Cluster.ResumeNodeAsync(node, "it@here", Token);

        Assert.Equal([node], (await waiting).Select(n => n.Name));
        Assert.Equal(Reason.NodeNotFound, (await Assert.ThrowsAsync<PgClusterException>(
            () => lab.Cluster.WaitForNodesAsync(["pg99"], NodeCondition.Ready, TimeSpan.FromMinutes(5), null, Token))).Reason);
        await lab.WaitUntilSoundAsync();
    }

    /// <summary>Who leads, on which timeline, and since which revision without a break: its agent begins a term of its own when it begins anew, and the key is never gone.</summary>
    private async Task<(string? Node, int? Timeline, long? Since)> SeatAsync()
    {
        var entry = await lab.Store.GetAsync(StoreKeys.Leader, Token);
        var leader = LeaderRecord.FromJson(entry?.Value);
        return (leader?.Node, leader?.Timeline, entry?.CreateRevision);
    }

    private async Task<OperationReport> SetAsync(SetNodeRequest request)
    {
        var report = await lab.Cluster.RunSetNodeAsync(await lab.Cluster.PlanSetNodeAsync(request, Token), request, null, Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        return report;
    }
}
