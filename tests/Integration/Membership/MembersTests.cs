using System.Security.Cryptography;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Topology;
using PgCluster.Playground;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Membership;

/// <summary>Nodes come and go while the primary serves.</summary>
public sealed class MembersTests(MembersLab lab) : IClassFixture<MembersLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task A_node_comes_by_a_copy_that_its_agent_makes_and_goes_make_before_break()
    {
        await lab.WaitUntilSoundAsync();
        var primary = await lab.PrimaryAsync();
        var postmaster = lab.Postmaster(primary);
        await lab.StartAgentOfAsync("pg04");
        var request = Request("pg04") with { Why = "a test", Actor = "me@here" };
        var plan = await lab.Cluster.PlanAddNodeAsync(request, Token);
        Assert.Equal([MembershipSteps.Member, MembershipSteps.Agents, MembershipSteps.Stream], plan.Steps.Select(s => s.Name));

        var added = await lab.Cluster.RunAddNodeAsync(plan, request, null, Token);

        Assert.True(added.Outcome == OperationOutcome.Succeeded, added.Error);
        var node = (await lab.Cluster.GetNodesAsync(Token)).Single(n => n.Name == "pg04");
        Assert.Equal((NodeRole.Standby, NodeState.Running, primary, "zone4", 3), (node.Role, node.State, node.Upstream, node.FailureDomain, node.Weight));
        await Poll.UntilAsync("commits wait for pg04 too", async () => await WaitedForAsync("pg04"));
        Assert.Equal((primary, postmaster), (await lab.PrimaryAsync(), lab.Postmaster(primary)));
        Assert.Equal(Reason.PlanStale, (await lab.Cluster.RunAddNodeAsync(plan with { Id = "stale" }, request, null, Token)).ErrorReason);
        Assert.Equal(Reason.InvalidArgument, (await Assert.ThrowsAsync<PgClusterException>(async () =>
            await lab.Cluster.RunAddNodeAsync(await lab.Cluster.PlanAddNodeAsync(request, Token), request, null, Token))).Reason);

        var removal = new RemoveNodeRequest { Name = "pg04", StopServer = true, Actor = "me@here" };
        var removed = await lab.Cluster.RunRemoveNodeAsync(await lab.Cluster.PlanRemoveNodeAsync(removal, Token), removal, null, Token);

        Assert.True(removed.Outcome == OperationOutcome.Succeeded, removed.Error);
        Assert.Equal(
            [MembershipSteps.Lock, MembershipSteps.Policy, MembershipSteps.Remove, MembershipSteps.Agents, MembershipSteps.Stop],
            removed.Steps.Where(s => s.Phase == StepPhase.Run).Select(s => s.Name));
        Assert.False(await WaitedForAsync("pg04"));
        await Poll.UntilAsync("its server has stopped", () => DataDirectoryProcesses.FindPostmaster(request.DataDirectory) is null);
        Assert.DoesNotContain(await lab.Cluster.GetNodesAsync(Token), n => n.Name == "pg04");
        Assert.Equal((primary, postmaster), (await lab.PrimaryAsync(), lab.Postmaster(primary)));
        Assert.Equal(["remove-node", "add-node"], (await lab.Cluster.GetHistoryAsync(Token)).Where(r => r.Kind.EndsWith("-node", StringComparison.Ordinal) && r.Outcome == OperationOutcome.Succeeded).Take(2).Select(r => r.Kind));
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task A_directory_of_another_cluster_is_refused_and_stays_as_it_is()
    {
        await lab.WaitUntilSoundAsync();
        await lab.StartAgentOfAsync("pg05");
        var request = Request("pg05");
        await ServerProcess.RunAsServerUserAsync(
            Path.Combine(PlaygroundPrograms.Find().PostgresBin, "initdb"), "-D", request.DataDirectory, "-U", "postgres", "-A", "trust", "--no-sync", "--no-instructions");
        var control = Path.Combine(request.DataDirectory, "global", "pg_control");
        var before = SHA256.HashData(await File.ReadAllBytesAsync(control, Token));

        var report = await lab.Cluster.RunAddNodeAsync(await lab.Cluster.PlanAddNodeAsync(request, Token), request, null, Token);

        Assert.Equal((OperationOutcome.RolledBack, Reason.ForeignServer), (report.Outcome, report.ErrorReason));
        Assert.Contains("is of another cluster", report.Error, StringComparison.Ordinal);
        Assert.Equal(before, SHA256.HashData(await File.ReadAllBytesAsync(control, Token)));
        Assert.Null(DataDirectoryProcesses.FindPostmaster(request.DataDirectory));
        Assert.Null(await lab.Store.GetAsync(StoreKeys.Members + "pg05", Token));
        await lab.WaitUntilSoundAsync();
    }

    [Fact]
    public async Task The_primary_is_not_removed()
    {
        await lab.WaitUntilSoundAsync();
        var plan = await lab.Cluster.PlanRemoveNodeAsync(new RemoveNodeRequest { Name = await lab.PrimaryAsync() }, Token);

        Assert.Empty(plan.Steps);
        Assert.Contains("Invoke-PgFailover", plan.Checks.Single(c => c.Name == "NotThePrimary").Remedy, StringComparison.Ordinal);
    }

    private AddNodeRequest Request(string name)
    {
        using var ports = new LoopbackPorts();
        return new AddNodeRequest
        {
            Name = name,
            Host = "127.0.0.1",
            Port = ports.Take(),
            Agent = $"127.0.0.1:{ports.Take()}",
            Http = $"127.0.0.1:{ports.Take()}",
            DataDirectory = Path.Combine(lab.Info.Path, name, "data"),
            FailureDomain = "zone4",
            Weight = 3,
            Timeout = TimeSpan.FromMinutes(3),
        };
    }

    private async Task<bool> WaitedForAsync(string node) =>
        SynchronousPolicyRecord.FromJson((await lab.Store.GetAsync(StoreKeys.Synchronous, Token))?.Value)!.InForce.Any(p => p.Standbys.Contains(node));
}
