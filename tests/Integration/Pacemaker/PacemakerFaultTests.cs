using PgCluster.Client;
using PgCluster.Playground.Pacemaker;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Pacemaker;

/// <summary>What becomes of a cluster under a real Pacemaker when something is lost: whatever it is, nobody stays paused.</summary>
[Collection(PacemakerGroup.Name)]
public sealed class PacemakerFaultTests(PacemakerCluster cluster)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PG_36_a_synchronous_standby_that_vanishes_after_the_look_rolls_the_failover_back()
    {
        await cluster.WaitUntilSoundAsync();
        var from = await cluster.PrimaryAsync();
        var plan = await cluster.Cluster.PlanFailoverAsync(new FailoverRequest(), Token);
        await cluster.Hosts.StopPacemakerAsync(plan.To!, Token);
        try
        {
            var report = await cluster.Cluster.RunFailoverAsync(plan, new FailoverRequest(), null, Token);

            Assert.Equal((OperationOutcome.RolledBack, Reason.PlanStale), (report.Outcome, report.ErrorReason));
            Assert.Equal(from, await cluster.PrimaryAsync());
            await AssertServedByAsync(from);
        }
        finally
        {
            await cluster.Hosts.StartPacemakerAsync(plan.To!, Token);
        }

        await cluster.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task PG_33_a_move_that_takes_too_long_is_taken_back_and_whoever_is_the_primary_then_serves()
    {
        await cluster.WaitUntilSoundAsync();
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = cluster.ClientUri, Writers = 2 }, Token);
        await using var impatient = ClusterConnection.Open(
            cluster.Hosts.ConfigFile, new Dictionary<string, string> { ["failover.pause_timeout"] = "1s", ["failover.migrate_timeout"] = "1100ms", ["failover.undo_timeout"] = "120s" });
        var report = await impatient.RunFailoverAsync(await impatient.PlanFailoverAsync(new FailoverRequest(), Token), new FailoverRequest(), null, Token);

        Assert.True(report is { Outcome: OperationOutcome.RolledBack, ErrorReason: Reason.PlanStale }, $"{report.Outcome}: {report.Error}\n{await cluster.ShowAsync()}");

        // What Pacemaker had begun it may bring to its end after that.
        await cluster.WaitUntilSoundAsync();
        await AssertServedByAsync(await cluster.PrimaryAsync());
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.Equal((0L, 0L), (gap.LostCommits, gap.DoubledCommits));
    }

    [Fact]
    public async Task Pacemaker_stopped_on_one_node_keeps_nobody_from_moving_the_primary()
    {
        await cluster.WaitUntilSoundAsync();
        var bystander = (await cluster.Cluster.GetNodesAsync(Token)).Single(n => n is { Role: NodeRole.Standby, SyncState: not SyncState.Sync }).Name;
        await cluster.Hosts.StopPacemakerAsync(bystander, Token);
        try
        {
            OperationPlan plan = null!;
            await PacemakerCluster.WaitUntilAsync(
                "Pacemaker has noticed, and may promote the other standby",
                async () => (plan = await cluster.Cluster.PlanFailoverAsync(new FailoverRequest(), Token)).Steps.Count > 0);
            Assert.DoesNotContain(bystander, plan.Steps[^1].Node, StringComparison.Ordinal);

            var report = await cluster.Cluster.RunFailoverAsync(plan, new FailoverRequest(), null, Token);
            Assert.True(report.Outcome == OperationOutcome.Succeeded, $"{report.Error}\n{(report.Error is null ? "" : await cluster.ShowAsync())}");
            await AssertServedByAsync(report.NewPrimary!);
            var checks = await cluster.Cluster.CheckAsync(Token);
            Assert.Contains(checks, c => c is { Name: "MemberOnline", Status: CheckStatus.Failed } && c.Evidence.Contains(bystander, StringComparison.Ordinal));
        }
        finally
        {
            await cluster.Hosts.StartPacemakerAsync(bystander, Token);
        }

        await cluster.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task A_host_of_the_primary_that_is_lost_is_replaced_by_Pacemaker_and_the_poolers_follow()
    {
        await cluster.WaitUntilSoundAsync();
        var from = await cluster.PrimaryAsync();
        var next = (await cluster.Cluster.GetNodesAsync(Token)).Single(n => n.SyncState == SyncState.Sync).Name;
        await cluster.Hosts.Host(from).PowerOffAsync(Token);
        try
        {
            await cluster.WaitUntilPublishedAsync(next);
            Assert.Equal(next, await cluster.PrimaryAsync());
            await AssertServedByAsync(next, without: from);
        }
        finally
        {
            await cluster.Hosts.BootAsync(from, Token);
        }

        // Its agent starts it again where nothing of its own is in the way, and says that it needs a repair where there is.
        await cluster.Hosts.WaitUntilOnlineAsync(from, PacemakerCluster.Patience, Token);
        await cluster.WaitUntilSaidAsync(
            "the lost server is back, or has to be repaired",
            c => c is { Name: "NoLockFile", Status: CheckStatus.Failed } || DoesNotStream(c, from),
            or: n => n.Name == from && n is { Role: NodeRole.Standby, State: NodeState.Running });
        Assert.All(await cluster.Cluster.GetPoolersAsync(Token), p => Assert.Equal(PoolerState.Active, p.State));
        if ((await cluster.Cluster.GetNodesAsync(Token)).Single(n => n.Name == from).State != NodeState.Running)
        {
            await RepairAsync(new RepairRequest { Node = from });
        }

        await cluster.WaitUntilSoundAsync();
    }

    [Theory]
    [InlineData(RepairMethod.Rewind)]
    [InlineData(RepairMethod.Clone)]
    public async Task A_server_with_writes_of_its_own_is_brought_back_by_its_repair(RepairMethod method)
    {
        await cluster.WaitUntilSoundAsync();
        var from = await cluster.PrimaryAsync();
        await MakeDivergeAsync(from);

        // The resource agent leaves no lock file where a server was the last one of its partition: it is started then, and can stream from nobody.
        await cluster.WaitUntilSaidAsync($"{from} is said not to stream", c => DoesNotStream(c, from));
        await RepairAsync(new RepairRequest { Node = from, Method = method });

        // Whom it streams from is the resource agent's to say, at the next change of the primary too.
        Assert.Equal("t", await cluster.Hosts.QueryAsync(from, "select count(*) = 0 from pg_file_settings where name = 'primary_conninfo' and sourcefile like '%postgresql.auto.conf'", Token));
        var moved = await cluster.FailOverAsync(new FailoverRequest());
        Assert.True(moved.Outcome == OperationOutcome.Succeeded, moved.Error);
        await cluster.WaitUntilSoundAsync();
        Assert.Equal("", await cluster.Hosts.QueryAsync(from, "select to_regclass('public.nobody_has')", Token));
    }

    [Fact]
    public async Task Without_quorum_nothing_is_asked_of_Pacemaker_and_nobody_is_paused()
    {
        await cluster.WaitUntilSoundAsync();
        var primary = await cluster.PrimaryAsync();
        string[] others = [.. cluster.Config.Nodes.Select(n => n.Name).Where(n => n != primary)];
        foreach (var other in others)
        {
            await cluster.Hosts.LeaveAsync(other, Token);
        }

        try
        {
            await PacemakerCluster.WaitUntilAsync("its quorum is lost", async () => (await PacemakerHosts.ReadAsync(cluster.Hosts.Host(primary), Token)) is { HasQuorum: false });
            var plan = await cluster.Cluster.PlanFailoverAsync(new FailoverRequest(), Token);

            Assert.Empty(plan.Steps);
            Assert.Contains(plan.Checks, c => c.Status == CheckStatus.Failed && c.Reason is Reason.PacemakerUnavailable or Reason.NoPrimary);
            Assert.Contains(await cluster.Cluster.CheckAsync(Token), c => c is { Name: "PacemakerQuorum", Status: CheckStatus.Failed, Reason: Reason.NoQuorum });
            Assert.All(await cluster.Cluster.GetPoolersAsync(Token), p => Assert.Equal(PoolerState.Active, p.State));
        }
        finally
        {
            foreach (var other in others)
            {
                await cluster.Hosts.JoinAsync(other, Token);
            }
        }

        // What Pacemaker has counted as failures while it had no quorum is a person's to forget.
        await cluster.Hosts.WaitUntilOnlineAsync(primary, PacemakerCluster.Patience, Token);
        await cluster.Hosts.WaitUntilSoundAsync(PacemakerCluster.Patience, Token);
        await PacemakerHosts.CleanUpAsync(cluster.Hosts.Host(primary), null, Token);
        await cluster.WaitUntilSoundAsync();
    }

    private async Task RepairAsync(RepairRequest request)
    {
        // Pacemaker's two sides agree on who the primary is a moment after they see each other again.
        RepairPlan plan = null!;
        await PacemakerCluster.WaitUntilAsync("its repair may begin", async () => (plan = await cluster.Cluster.PlanRepairAsync(request, Token)).Operation.Steps.Count > 0);
        var report = await cluster.Cluster.RunRepairAsync(plan, request, null, Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, $"{report.Error}\n{(report.Error is null ? "" : await cluster.ShowAsync())}");
        await cluster.WaitUntilSoundAsync();
    }

    /// <summary>A check that says so of a server that runs.</summary>
    private static bool DoesNotStream(PreflightCheck check, string node) =>
        check is { Name: "StandbyStreams", Status: CheckStatus.Failed } && check.Evidence.Contains(node, StringComparison.Ordinal) && !check.Evidence.Contains("does not answer", StringComparison.Ordinal);

    /// <summary>The node's server, which is the primary, gets writes that no other has, and another takes its place.</summary>
    private async Task MakeDivergeAsync(string from)
    {
        var next = (await cluster.Cluster.GetNodesAsync(Token)).Single(n => n.SyncState == SyncState.Sync).Name;

        // Whoever takes its place last: what that one has the others may have, and not more.
        foreach (var other in cluster.Config.Nodes.Select(n => n.Name).Where(n => n != from).OrderBy(n => n == next))
        {
            await cluster.Hosts.Network.CutAsync(cluster.Hosts.Host(from), cluster.Hosts.Host(other));
        }

        try
        {
            // Without waiting for anybody: it has not noticed yet, and is about to be stopped.
            await cluster.Hosts.QueryAsync(from, "set synchronous_commit = local; create table nobody_has as select 1", Token);
            await cluster.WaitUntilPublishedAsync(next);

            // While it is being stopped it would send what only it has to the third one, over a connection that has only been interrupted.
            await PacemakerCluster.WaitUntilAsync($"{from} is stopped", async () => (await cluster.Cluster.GetNodesAsync(Token)).Single(n => n.Name == from).State == NodeState.Stopped);
        }
        finally
        {
            await cluster.Hosts.Network.HealAsync();
        }

        await cluster.Hosts.WaitUntilOnlineAsync(from, PacemakerCluster.Patience, Token);
    }

    /// <summary>Every pooler is there, not paused, and leads to that node.</summary>
    private async Task AssertServedByAsync(string node, string? without = null)
    {
        var address = cluster.Hosts.Host(node).Address;
        foreach (var pooler in cluster.Config.Poolers.Where(p => p.Name != without))
        {
            await PacemakerCluster.WaitUntilAsync($"{pooler.Name} leads to {node}", async () => await TryReachAsync(pooler.Name) == address);
        }

        Assert.All((await cluster.Cluster.GetPoolersAsync(Token)).Where(p => p.Name != without), p => Assert.Equal(PoolerState.Active, p.State));
    }

    private async Task<string?> TryReachAsync(string pooler)
    {
        try
        {
            return await cluster.ReachAsync(pooler);
        }
        catch (Npgsql.NpgsqlException)
        {
            return null;
        }
    }
}
