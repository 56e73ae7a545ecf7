using PgCluster.Client;
using PgCluster.Playground.Pacemaker;

namespace PgCluster.Tests.Integration.Pacemaker;

/// <summary>Agents under a real Pacemaker that are followed by others, with certificates, while clients write. Two minutes, so only when asked for.</summary>
[Collection(PacemakerPlaygroundGroup.Name)]
public sealed class PacemakerUpgradeTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact(Explicit = true)]
    public async Task Every_daemon_is_followed_and_Pacemaker_and_clients_notice_nothing()
    {
        var network = await PacemakerLab.MakeHostsAsync(Token);
        var directory = Path.Combine(Path.GetTempPath(), "pgcluster-" + Guid.NewGuid().ToString("N")[..8]);
        var hosts = new PacemakerHosts(network, new PacemakerHostsOptions { Agents = true, Settings = new Dictionary<string, string> { ["agent.handoff_directory"] = directory } });
        try
        {
            await network.ConnectAsync(Token);
            await hosts.StartAsync(null, Token);
            await hosts.WaitUntilSoundAsync(PacemakerCluster.Patience, Token);
            await using var cluster = ClusterConnection.Open(hosts.ConfigFile);
            var primary = (await cluster.GetClusterAsync(Token)).Primary;
            await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = hosts.ClientUri, Writers = 4 }, Token);
            var request = new DaemonUpgradeRequest { Actor = "ann@test", DrainTimeout = TimeSpan.FromSeconds(2) };
            var plan = await cluster.PlanDaemonUpgradeAsync(request, Token);
            Assert.Equal(plan.Steps.Count(s => s.Name == "follow"), cluster.NodeNames.Count + cluster.PoolerNames.Count);
            var report = await cluster.RunDaemonUpgradeAsync(plan, request, null, Token);

            Assert.True(report.Outcome == OperationOutcome.Succeeded, $"{report.Error}\n{string.Join('\n', report.Steps)}");
            var gap = await meter.StopAsync(CancellationToken.None);
            Assert.True(gap is { LostCommits: 0, Errors.Count: 0 }, $"{gap}; {string.Join("; ", gap.Errors)}");
            await hosts.WaitUntilSoundAsync(PacemakerCluster.Patience, Token);
            Assert.Equal(primary, (await cluster.GetClusterAsync(Token)).Primary);
        }
        finally
        {
            await network.RemoveAsync(CancellationToken.None);
            if (Directory.Exists(directory))
            {
                Directory.Delete(directory, recursive: true);
            }
        }
    }
}
