using PgCluster.Client;
using PgCluster.Engine.Roles;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>A node gives its role away before it is stopped, under sixteen writers that notice nothing.</summary>
public sealed class HandoverTests(FiveNodesLab lab) : IClassFixture<FiveNodesLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task DQ_9_a_voter_hands_over_and_is_a_spare_until_it_is_resumed()
    {
        var (primary, record) = await AtRestAsync();
        var node = record.Roles.First(r => r.Value == MemberRole.Voter && r.Key != primary).Key;

        var report = await lab.HandOverAsync(node);

        Assert.Equal(["lock", "suspend", "role", "synchronous"], report.Steps.Where(s => s.Phase == StepPhase.Run).Select(s => s.Name));
        var after = (await lab.RolesAsync())!;
        Assert.Equal((MemberRole.Spare, 3, primary), (after.Of(node), after.Roles.Values.Count(r => r == MemberRole.Voter), await lab.PrimaryAsync()));
        Assert.DoesNotContain((await lab.RecordedAsync())!.InForce, p => p.Standbys.Contains(node));

        // Whoever has handed over has nothing left to give.
        await lab.HandOverAsync(node);
        Assert.Equal("handover", (await lab.Cluster.GetHistoryAsync(Token)).First(r => r.Kind != "role" && r.Kind != "synchronous").Kind);
        Assert.NotNull(await lab.Cluster.ResumeNodeAsync(node, "it@here", Token));
        await lab.WaitForRolesAsync("it streams again and does not vote", r => r.Of(node) == MemberRole.StandBy);
    }

    [Fact]
    public async Task What_cannot_be_done_in_time_is_undone()
    {
        var (primary, record) = await AtRestAsync();
        var node = record.Roles.First(r => r.Value == MemberRole.Voter && r.Key != primary).Key;
        var request = new NodeSuspensionRequest { Node = node, HandsOver = true, Limit = TimeSpan.FromSeconds(1), Why = "it", Actor = "it@here" };
        await Assert.ThrowsAsync<PgClusterException>(() => lab.Cluster.PlanNodeSuspensionAsync(request with { Limit = TimeSpan.Zero }, Token));
        var plan = await lab.Cluster.PlanNodeSuspensionAsync(request, Token);

        // Nobody has the lock to give while somebody else holds it.
        await using var held = await lab.Store.AcquireLockAsync(
            new StoreKeys(lab.Config.Etcd.PrimaryKey).Lock, new LockHolder("it@here", "another operation"), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(5), Token);
        var (report, suspension) = await lab.Cluster.RunNodeSuspensionAsync(plan, request, null, Token);

        Assert.Equal((OperationOutcome.RolledBack, Reason.StepTimeout), (report.Outcome, report.ErrorReason));
        Assert.Contains("within 1 s", report.Error, StringComparison.Ordinal);
        Assert.Null(suspension);
        Assert.Empty((await lab.Cluster.GetClusterAsync(Token)).SuspendedNodes);
    }

    [Fact]
    public async Task Every_node_of_five_in_turn_hands_over_is_restarted_and_comes_back()
    {
        await AtRestAsync();
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = lab.Info.ClientUri, Writers = 16 }, Token);
        foreach (var node in lab.Config.Nodes.Select(n => n.Name))
        {
            var wasPrimary = await lab.PrimaryAsync() == node;
            var report = await lab.HandOverAsync(node);
            Assert.Equal(wasPrimary, report.Steps.Any(s => s.Name == "failover"));
            var roles = (await lab.RolesAsync())!;
            Assert.Equal((MemberRole.Spare, 3, 1), (roles.Of(node), roles.Roles.Values.Count(r => r == MemberRole.Voter), roles.Roles.Values.Count(r => r == MemberRole.StandBy)));
            Assert.NotEqual(node, await lab.PrimaryAsync());

            var before = lab.Postmaster(node);
            var restart = new RestartRequest { Nodes = [node], Actor = "it@here" };
            var restarted = await lab.Cluster.RunRestartAsync(await lab.Cluster.PlanRestartAsync(restart, Token), restart, null, Token);
            Assert.True(restarted.Outcome == OperationOutcome.Succeeded, restarted.Error);
            Assert.False(before.IsRunning);

            await lab.Cluster.ResumeNodeAsync(node, "it@here", Token);
            await AtRestAsync();
        }

        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.True(gap.Commits > 0);
        Assert.Equal((0L, 0L, 0L), (gap.LostCommits, gap.DoubledCommits, gap.ClientErrors));
    }

    /// <summary>Until three vote and two stream, and all is well.</summary>
    private async Task<(string Primary, RoleRecord Roles)> AtRestAsync()
    {
        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        var primary = await lab.PrimaryAsync();
        return (primary, await lab.WaitForRolesAsync(
            "three vote and two stream", r => r.Primary == primary && r.Roles.Values.Count(v => v == MemberRole.Voter) == 3 && r.Roles.Values.Count(v => v == MemberRole.StandBy) == 2));
    }
}
