using System.Globalization;
using System.Net;
using Npgsql;
using PgCluster.Client;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>A node out of service: nobody promotes it, reads from it or waits for it, until it is put back.</summary>
public sealed class NodeSuspensionTests(AvailabilityLab lab) : IClassFixture<AvailabilityLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task The_synchronous_standby_gives_way_make_before_break_and_comes_back_into_service()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var node = (await lab.WaitForListAsync(primary, "one standby is named", l => l.Count == 1 && l.Standbys.Count == 1)).Standbys[0];
        var other = lab.Config.Nodes.Select(n => n.Name).Single(n => n != primary && n != node);

        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 16 }, Token);
        var suspension = await SuspendAsync(new NodeSuspensionRequest { Node = node, Why = "a new disk", Actor = "it@here" });

        Assert.Equal((node, null, "a new disk"), (suspension.Name, suspension.Until, suspension.Why));
        Assert.Equal([other], (await lab.RecordedAsync())!.Standbys);
        Assert.All(await lab.Cluster.TestDurabilityAsync(DurabilityScope.Node, Token), v => Assert.True(v.Survives, v.Evidence));
        Assert.Equal("suspended by it@here: a new disk", (await lab.Cluster.GetNodesAsync(Token)).Single(n => n.Name == node).Suspended);
        Assert.Equal([suspension], (await lab.Cluster.GetClusterAsync(Token)).SuspendedNodes);
        Assert.Equal("Suspended", (await lab.Cluster.GetNodeHealthAsync(Token)).Single(h => h.Name == node).Administrative);
        Assert.Contains("a new disk", string.Join(", ", (await lab.Cluster.RehearseElectionAsync(Token)).Candidates.Single(c => c.Node == node).Reasons), StringComparison.Ordinal);
        Assert.Contains("a new disk", string.Join(", ", (await lab.Cluster.PlanFailoverAsync(new FailoverRequest(), Token)).Candidates.Single(c => c.Node == node).Reasons), StringComparison.Ordinal);
        Assert.Equal(other, (await lab.Cluster.FindReadNodeAsync(new ReadRequest(), Token)).Name);
        await Poll.UntilAsync("its agent says so", async () => await ReplicaAsync(node) == HttpStatusCode.ServiceUnavailable);
        Assert.Equal(HttpStatusCode.OK, await ReplicaAsync(other));

        // Without the other one the policy would not hold.
        var refused = Client.ClusterConnection.RefusalOf(await lab.Cluster.PlanNodeSuspensionAsync(new NodeSuspensionRequest { Node = other, Why = "too", Actor = "it@here" }, Token));
        Assert.Equal(Reason.NodeNeeded, refused?.Reason);

        // The primary is lost, and only the other one takes over, however well this one is.
        await lab.EndPostmasterAsync(primary, Adapters.Process.UnixSignal.Kill);
        await lab.WaitUntilSoundAsync();
        Assert.NotEqual(node, await lab.PrimaryAsync());
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.Equal((0L, 0L), (gap.LostCommits, gap.DoubledCommits));

        Assert.Equal(suspension, await lab.Cluster.ResumeNodeAsync(node, "it@here", Token));
        Assert.Null(await lab.Cluster.ResumeNodeAsync(node, "it@here", Token));
        await Poll.UntilAsync("it serves reads again", async () => await ReplicaAsync(node) == HttpStatusCode.OK);
        Assert.Equal(["resume-node", "suspend-node"], (await lab.Cluster.GetHistoryAsync(Token)).Select(r => r.Kind).Where(k => k.EndsWith("-node", StringComparison.Ordinal)).Take(2));
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task A_primary_is_drained_by_a_failover_and_left_without_a_session()
    {
        await lab.WaitUntilSoundAsync();
        var node = await lab.PrimaryAsync();
        await lab.WaitForListAsync(node, "one standby is named", l => l.Count == 1);
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 8 }, Token);
        var request = new NodeSuspensionRequest { Node = node, Drain = true, Length = TimeSpan.FromMinutes(10), Why = "a new kernel", Actor = "it@here" };
        var plan = await lab.Cluster.PlanNodeSuspensionAsync(request, Token);

        var (report, suspension) = await lab.Cluster.RunNodeSuspensionAsync(plan, request, null, Token);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        Assert.Equal((node, plan.To), (report.OldPrimary, report.NewPrimary));
        Assert.Equal(plan.To, await lab.PrimaryAsync());
        Assert.Empty(suspension!.Sessions!);
        Assert.Equal(TimeSpan.FromMinutes(10), suspension.Until - suspension.Since);
        Assert.DoesNotContain((await lab.RecordedAsync())!.InForce, p => p.Standbys.Contains(node));
        await lab.Cluster.ResumeNodeAsync(node, "it@here", Token);
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.Equal((0L, 0L, 0L), (gap.LostCommits, gap.DoubledCommits, gap.ClientErrors));
        await lab.WaitUntilSoundAsync();
        Assert.Equal(plan.To, await lab.PrimaryAsync());
    }

    [Fact]
    public async Task Sessions_that_outlive_the_drain_are_named()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var node = lab.Config.Nodes.First(n => n.Name != primary).Name;
        await lab.WaitForListAsync(primary, "one standby is named", l => l.Count == 1);
        await using var session = new NpgsqlConnection(string.Create(
            CultureInfo.InvariantCulture,
            $"Host=127.0.0.1;Port={lab.PortOf(node)};Username={lab.Config.Postgres.User};Database={lab.Config.Postgres.Database};Pooling=false;Application Name=a report;Server Compatibility Mode=NoTypeLoading"));
        await session.OpenAsync(Token);

        var suspension = await SuspendAsync(new NodeSuspensionRequest { Node = node, Drain = true, DrainTimeout = TimeSpan.FromSeconds(1), Why = "a new disk", Actor = "it@here" });

        var left = Assert.Single(suspension.Sessions!);
        Assert.Equal((node, "a report", session.ProcessID), (left.Node, left.Application, left.Pid));
        await lab.Cluster.ResumeNodeAsync(node, "it@here", Token);
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task A_suspension_of_a_node_ends_by_itself()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var node = lab.Config.Nodes.Last(n => n.Name != primary).Name;
        await lab.WaitForListAsync(primary, "one standby is named", l => l.Count == 1);

        await SuspendAsync(new NodeSuspensionRequest { Node = node, Length = TimeSpan.FromSeconds(10), Why = "short", Actor = "it@here" });

        await Poll.UntilAsync("it is over", async () => (await lab.Cluster.GetClusterAsync(Token)).SuspendedNodes.Count == 0);
    }

    [Theory]
    [InlineData(0, 60)]
    [InlineData(8 * 24 * 3600, 60)]
    [InlineData(60, -1)]
    public async Task A_suspension_of_a_node_has_a_sensible_length(int seconds, int drain)
    {
        var request = new NodeSuspensionRequest { Node = "pg01", Length = TimeSpan.FromSeconds(seconds), DrainTimeout = TimeSpan.FromSeconds(drain), Why = "w", Actor = "it@here" };

        Assert.Equal(Reason.InvalidArgument, (await Assert.ThrowsAsync<PgClusterException>(() => lab.Cluster.PlanNodeSuspensionAsync(request, Token))).Reason);
    }

    private async Task<NodeSuspension> SuspendAsync(NodeSuspensionRequest request)
    {
        var (report, suspension) = await lab.Cluster.RunNodeSuspensionAsync(await lab.Cluster.PlanNodeSuspensionAsync(request, Token), request, null, Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        return suspension!;
    }

    private async Task<HttpStatusCode> ReplicaAsync(string node)
    {
        var http = lab.Config.Nodes.Single(n => n.Name == node).Http;
        using var client = new HttpClient();
        using var answer = await client.GetAsync(new Uri($"http://{http}/replica"), Token);
        return answer.StatusCode;
    }
}
