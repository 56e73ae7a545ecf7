using System.Globalization;
using Npgsql;
using PgCluster.Adapters.Postgres;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>A person brings back a node that its agent may not: sees what it costs, and gets that and no more.</summary>
public sealed class RepairTests(RepairLab lab) : IClassFixture<RepairLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_node_with_wal_of_its_own_is_rewound_by_the_plan_that_was_shown()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var node = lab.Config.Nodes.First(n => n.Name != primary).Name;
        await DivergeAsync(node);

        var request = new RepairRequest { Node = node, Why = "it went its own way", Actor = "it@here", KeepCopy = true };
        var plan = await lab.Cluster.PlanRepairAsync(request, Token);
        Assert.Equal((RepairMethod.Rewind, primary, true, true), (plan.Method, plan.Upstream, plan.Needed, plan.Discards));
        Assert.Equal(plan.UpstreamTimeline + 1, plan.Timeline);
        Assert.Equal(plan.ForkLsn, plan.DiscardedFrom);
        Assert.Equal(Lsn.Parse(plan.DiscardedFrom!).BytesBehind(Lsn.Parse(plan.DiscardedTo!)), plan.DiscardedBytes);
        Assert.True(plan.DiscardedBytes > 1000, $"{plan.DiscardedBytes} bytes would be discarded");
        Assert.True(plan.CopyBytes > 1 << 20, $"a copy would be {plan.CopyBytes} bytes");
        Assert.Equal(["lock", "recheck", "rewind", "stream"], plan.Operation.Steps.Select(s => s.Name));

        // What only follows cannot help it, and nothing has happened to it yet.
        var follow = await lab.Cluster.PlanRepairAsync(request with { Method = RepairMethod.Follow }, Token);
        Assert.Null(follow.Method);
        var refused = await Assert.ThrowsAsync<PgClusterException>(() => lab.Cluster.RunRepairAsync(follow, request, null, Token));
        Assert.Equal((Reason.PreflightFailed, node), (refused.Reason, refused.Target));
        Assert.Equal(NodeState.Stopped, (await lab.Cluster.GetNodesAsync(Token)).Single(n => n.Name == node).State);

        var report = await lab.Cluster.RunRepairAsync(plan, request, null, Token);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        Assert.Equal(("repair", node, primary), (report.Kind, report.Node, report.NewPrimary));
        Assert.Equal(["lock", "recheck", "rewind", "stream"], report.Steps.Where(s => s.Phase == StepPhase.Run).Select(s => s.Name));
        var kept = Assert.Single(Directory.GetDirectories(lab.Info.Path, "*.diverged-*", SearchOption.AllDirectories));
        Assert.Contains(kept, report.Steps.Single(s => s.Name == "rewind").Detail, StringComparison.Ordinal);
        Assert.Equal(report.Id, (await lab.Cluster.GetHistoryAsync(Token)).First(r => r.Kind == "repair").Id);
        await lab.WaitUntilSoundAsync();
        Assert.Equal(primary, await lab.PrimaryAsync());
        Assert.Equal("false", await AskAsync(node, "SELECT to_regclass('only_here') IS NOT NULL"));

        // What is left of the timeline that was given up counts for nothing, least of all in an election.
        var timeline = (await lab.Cluster.GetNodesAsync(Token)).Single(n => n.Name == primary).Timeline;
        Assert.Equal(timeline.ToString(CultureInfo.InvariantCulture), await AskAsync(node, $"SELECT ({StandbyLook.NewestTimeline})::text"));
    }

    [Fact]
    public async Task A_standby_that_streams_needs_none_and_gets_a_new_copy_when_that_is_asked_for()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var node = lab.Config.Nodes.Last(n => n.Name != primary).Name;
        var request = new RepairRequest { Node = node, Actor = "it@here" };

        var none = await lab.Cluster.PlanRepairAsync(request, Token);
        Assert.Equal((false, $"it streams from {primary}"), (none.Needed, none.Why));
        var refused = await Assert.ThrowsAsync<PgClusterException>(() => lab.Cluster.RunRepairAsync(none, request, null, Token));
        Assert.Equal(Reason.InvalidArgument, refused.Reason);

        request = request with { Method = RepairMethod.Clone };
        var before = lab.Postmaster(node);
        var inode = InodeOf(node);
        var plan = await lab.Cluster.PlanRepairAsync(request, Token);
        var report = await lab.Cluster.RunRepairAsync(plan, request, null, Token);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        Assert.NotEqual(before, lab.Postmaster(node));
        Assert.NotEqual(inode, InodeOf(node));
        await lab.WaitUntilSoundAsync();
        Assert.Equal(primary, await lab.PrimaryAsync());
    }

    [Fact]
    public async Task What_cannot_be_repaired_says_why()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        Assert.Equal(Reason.NodeNeeded, await RefusalAsync(primary));
        Assert.Equal(Reason.NodeNotFound, await RefusalAsync("pg99"));

        var standby = lab.Config.Nodes.First(n => n.Name != primary).Name;
        await lab.KillAsync("agent-" + standby);
        try
        {
            Assert.Equal(Reason.AgentUnreachable, await RefusalAsync(standby));
        }
        finally
        {
            await lab.StartAgainAsync("agent-" + standby);
        }
    }

    [Fact]
    public async Task A_plan_whose_leader_has_changed_is_refused()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var node = lab.Config.Nodes.Last(n => n.Name != primary).Name;
        var request = new RepairRequest { Node = node, Method = RepairMethod.Clone, Actor = "it@here" };
        var plan = await lab.Cluster.PlanRepairAsync(request, Token);
        var failover = new FailoverRequest { Target = lab.Config.Nodes.First(n => n.Name != primary).Name, Actor = "it@here" };
        var moved = await lab.Cluster.RunFailoverAsync(await lab.Cluster.PlanFailoverAsync(failover, Token), failover, null, Token);
        Assert.True(moved.Outcome == OperationOutcome.Succeeded, moved.Error);
        await lab.WaitUntilSoundAsync();
        var postmaster = lab.Postmaster(node);

        var report = await lab.Cluster.RunRepairAsync(plan, request, null, Token);

        Assert.Equal((OperationOutcome.RolledBack, Reason.PlanStale), (report.Outcome, report.ErrorReason));
        Assert.Equal(postmaster, lab.Postmaster(node));
        await lab.WaitUntilSoundAsync();
    }

    /// <summary>Somebody promotes it behind its agent's back and writes to it; its agent stops it, and may do no more.</summary>
    private async Task DivergeAsync(string node)
    {
        await lab.KillAsync("agent-" + node);
        await AskAsync(node, "SELECT pg_promote()");
        await AskAsync(node, "SET synchronous_commit = local; CREATE TABLE only_here AS SELECT i FROM generate_series(1, 1000) i; SELECT 'done'");
        await lab.StartAgainAsync("agent-" + node);
        await Poll.UntilAsync("its agent has stopped it", async () =>
            (await lab.Cluster.GetNodesAsync(Token)).Single(n => n.Name == node) is { State: NodeState.Stopped, Role: NodeRole.Primary });
    }

    private async Task<Reason?> RefusalAsync(string node) =>
        Client.ClusterConnection.RefusalOf((await lab.Cluster.PlanRepairAsync(new RepairRequest { Node = node, Method = RepairMethod.Clone }, Token)).Operation)?.Reason;

    private async Task<string> AskAsync(string node, string sql)
    {
        await using var connection = new NpgsqlConnection(string.Create(
            CultureInfo.InvariantCulture,
            $"Host=127.0.0.1;Port={lab.PortOf(node)};Username={lab.Config.Postgres.User};Database={lab.Config.Postgres.Database};Pooling=false;Server Compatibility Mode=NoTypeLoading"));
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        var answer = await command.ExecuteScalarAsync(Token);
        return (answer is bool yes ? yes ? "true" : "false" : answer?.ToString()) ?? "";
    }

    private string InodeOf(string node) => new DirectoryInfo(Path.Combine(lab.Info.Servers.Single(s => s.Name == node).DataDirectory, "global")).CreationTimeUtc.ToString("O", CultureInfo.InvariantCulture);
}
