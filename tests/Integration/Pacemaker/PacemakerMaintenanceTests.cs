using PgCluster.Client;
using PgCluster.Playground.Pacemaker;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Pacemaker;

/// <summary>Maintenance of a cluster under a real Pacemaker.</summary>
[Collection(PacemakerGroup.Name)]
public sealed class PacemakerMaintenanceTests(PacemakerCluster cluster)
{
    private const string Me = "ann@test";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_suspended_cluster_is_in_maintenance_mode_until_it_is_resumed()
    {
        await cluster.WaitUntilSoundAsync();
        await cluster.Cluster.SuspendAsync(TimeSpan.FromMinutes(10), "patching", Me, Token);

        Assert.True((await ReadAsync()).InMaintenance);
        Assert.Contains((await cluster.Cluster.PlanFailoverAsync(new FailoverRequest(), Token)).Checks, c => c is { Name: "NotInMaintenance", Status: CheckStatus.Failed });
        Assert.NotNull(await cluster.Cluster.ResumeAsync(Me, Token));
        Assert.False((await ReadAsync()).InMaintenance);
    }

    [Fact]
    public async Task A_suspension_ends_by_itself_and_maintenance_with_it()
    {
        await cluster.WaitUntilSoundAsync();
        await cluster.Cluster.SuspendAsync(TimeSpan.FromSeconds(20), "patching", Me, Token);
        await PacemakerCluster.WaitUntilAsync("maintenance mode has ended", async () => !(await ReadAsync()).InMaintenance);
    }

    [Fact]
    public async Task Maintenance_mode_that_somebody_else_began_is_left_to_him()
    {
        await cluster.WaitUntilSoundAsync();
        var host = cluster.Hosts.DatabaseHosts[0];
        string[] mode = ["--type", "crm_config", "--name", "maintenance-mode"];
        await PacemakerHosts.RunAsync(host, "crm_attribute", [.. mode, "--update", "true"], Token);
        try
        {
            await cluster.Cluster.SuspendAsync(TimeSpan.FromMinutes(10), "patching", Me, Token);
            Assert.NotNull(await cluster.Cluster.ResumeAsync(Me, Token));
            Assert.True((await ReadAsync()).InMaintenance);
        }
        finally
        {
            await PacemakerHosts.RunAsync(host, "crm_attribute", [.. mode, "--delete"], Token);
        }
    }

    [Fact]
    public async Task A_node_out_of_service_is_in_standby_and_a_primary_is_moved_off_it_first()
    {
        await cluster.WaitUntilSoundAsync();
        var primary = await cluster.PrimaryAsync();
        var refused = await cluster.Cluster.PlanNodeSuspensionAsync(new NodeSuspensionRequest { Node = primary, Why = "patching", Actor = Me }, Token);
        Assert.Contains(refused.Checks, c => c is { Name: "Primary", Status: CheckStatus.Failed, Reason: Reason.NodeNeeded });

        var request = new NodeSuspensionRequest { Node = primary, Drain = true, DrainTimeout = TimeSpan.FromSeconds(5), Force = true, Why = "patching", Actor = Me };
        var (report, suspension) = await cluster.Cluster.RunNodeSuspensionAsync(await cluster.Cluster.PlanNodeSuspensionAsync(request, Token), request, null, Token);

        Assert.True(report.Outcome == OperationOutcome.Succeeded, $"{report.Error}\n{(report.Error is null ? "" : await cluster.ShowAsync())}");
        Assert.NotNull(suspension);
        Assert.NotEqual(primary, await cluster.PrimaryAsync());
        Assert.True((await ReadAsync()).Nodes.Single(n => n.Name == primary).InStandby);
        await Poll.UntilAsync("its server is stopped", () => cluster.Hosts.Postmaster(primary) is null);

        await cluster.Cluster.ResumeNodeAsync(primary, Me, Token);
        await cluster.WaitUntilSoundAsync();
        Assert.False((await ReadAsync()).Nodes.Single(n => n.Name == primary).InStandby);
    }

    private Task<Engine.Pacemaker.Cib> ReadAsync() => PacemakerHosts.ReadAsync(cluster.Hosts.DatabaseHosts[0], Token);
}
