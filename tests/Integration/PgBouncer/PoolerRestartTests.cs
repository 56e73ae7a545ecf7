using System.Globalization;
using Npgsql;
using PgCluster.Adapters.Process;
using PgCluster.Playground;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.PgBouncer;

/// <summary>Poolers that are restarted by their keepers, an agent's and a proxy's, in a cluster that goes on.</summary>
public sealed class PoolerRestartTests(ClusterLab lab) : IClassFixture<ClusterLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task Every_pooler_is_restarted_in_turn_and_the_next_failover_pauses_and_leads_the_new_processes()
    {
        await lab.WaitUntilSoundAsync();
        var clients = new List<NpgsqlConnection>();
        foreach (var pooler in lab.Config.Poolers)
        {
            var client = new NpgsqlConnection(lab.ConnectionString(pooler.Name));
            await client.OpenAsync(Token);
            clients.Add(client);
        }

        foreach (var pooler in await lab.Cluster.GetPoolersAsync(Token))
        {
            var plan = await lab.Cluster.PlanPoolerRestartAsync(pooler, mayDrop: false, Token);
            Assert.Equal((lab.Config.Name, pooler.Name, 0, ""), (plan.Cluster, plan.Pooler, plan.NewPid, plan.NewVersion));
            Assert.Equal(await PidOfAsync(pooler.Name), plan.OldPid);

            var done = await lab.Cluster.RestartPoolerAsync(pooler, mayDrop: false, Token);

            Assert.Equal(plan.OldPid, done.OldPid);
            Assert.NotEqual(done.OldPid, done.NewPid);
            Assert.Equal(done.NewPid, await PidOfAsync(pooler.Name));
            Assert.Equal((done.Clients, 0), (done.ClientsKept, done.Dropped));
            Assert.Empty(done.Changes);
            Assert.Equal(done.NewPid, ProcessStat.Read(done.NewPid)!.SessionId);
        }

        await lab.WaitUntilSoundAsync();
        var request = new FailoverRequest { Actor = "me@here", Why = "a test" };
        var report = await lab.Cluster.RunFailoverAsync(await lab.Cluster.PlanFailoverAsync(request, Token), request, null, Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        var primary = await lab.PrimaryAsync();
        foreach (var client in clients)
        {
            await using var command = new NpgsqlCommand("SELECT inet_server_port()", client);
            Assert.Equal(lab.PortOf(primary), await command.ExecuteScalarAsync(Token));
            await client.DisposeAsync();
        }
    }

    [Fact]
    public async Task Pooler_that_is_paused_is_not_restarted_and_says_by_whom()
    {
        await lab.WaitUntilSoundAsync();
        var pooler = await PoolerAsync("app");
        var old = await PidOfAsync("app");
        await lab.Cluster.SuspendPoolerAsync(pooler, "me@here", null, TimeSpan.FromMinutes(2), Token);

        var error = await Assert.ThrowsAsync<PgClusterException>(() => lab.Cluster.RestartPoolerAsync(pooler, mayDrop: false, Token));

        Assert.Equal(Reason.LockHeld, error.Reason);
        Assert.Contains("me@here", error.Message, StringComparison.Ordinal);
        Assert.Equal(old, await PidOfAsync("app"));
        await lab.Cluster.ResumePoolerAsync(pooler, null, Token);
    }

    [Fact]
    public async Task New_process_outlives_the_keeper_that_started_it()
    {
        await lab.WaitUntilSoundAsync();
        var done = await lab.Cluster.RestartPoolerAsync(await PoolerAsync("app"), mayDrop: false, Token);

        await lab.KillAsync("proxy-app");
        await using (var client = new NpgsqlConnection(lab.ConnectionString("app")))
        {
            await client.OpenAsync(Token);
            await using var command = new NpgsqlCommand("SELECT 1", client);
            Assert.Equal(1, await command.ExecuteScalarAsync(Token));
        }

        Assert.Equal(done.NewPid, await PidOfAsync("app"));
        await lab.StartAgainAsync("proxy-app");
        await lab.WaitUntilSoundAsync();
        Assert.Equal(done.NewPid, (await lab.Cluster.RestartPoolerAsync(await PoolerAsync("app"), mayDrop: false, Token)).OldPid);
    }

    [Fact]
    public async Task New_process_that_cannot_begin_leaves_the_pooler_as_it_was()
    {
        await lab.WaitUntilSoundAsync();
        var file = lab.Config.Poolers.Single(p => p.Name == "app").ConfigFile;
        var config = await File.ReadAllTextAsync(file, Token);
        await File.AppendAllTextAsync(file, "no_such_setting = 1\n", Token);
        var old = await PidOfAsync("app");

        var error = await Assert.ThrowsAsync<PgClusterException>(async () => await lab.Cluster.RestartPoolerAsync(await PoolerAsync("app"), mayDrop: false, Token));

        await File.WriteAllTextAsync(file, config, Token);
        Assert.Equal(Reason.RolledBack, error.Reason);
        Assert.Contains("no_such_setting", error.Message, StringComparison.Ordinal);
        Assert.Equal((old, PoolerState.Active), (await PidOfAsync("app"), (await PoolerAsync("app")).State));
    }

    [Fact]
    public async Task Command_line_says_what_has_become_of_what()
    {
        await lab.WaitUntilSoundAsync();
        var old = await PidOfAsync("pg01");
        using var command = lab.StartCommandLine("poolers", "restart", "pg01");
        var said = await command.StandardOutput.ReadToEndAsync(Token);
        await command.WaitForExitAsync(Token);

        Assert.True(command.ExitCode == 0, said + await command.StandardError.ReadToEndAsync(Token));
        var now = await PidOfAsync("pg01");
        Assert.NotEqual(old, now);
        Assert.StartsWith(string.Create(CultureInfo.InvariantCulture, $"pg01: process {old} (1.18.0) is process {now} (1.18.0) now, with "), said, StringComparison.Ordinal);
    }

    private async Task<PoolerInfo> PoolerAsync(string name) => (await lab.Cluster.GetPoolersAsync(Token)).Single(p => p.Name == name);

    private Task<PlaygroundInfo> InfoAsync() => new PlaygroundManager().GetAsync(lab.Info.Name, Token);

    private async Task<int> PidOfAsync(string pooler) => (await InfoAsync()).Poolers.Single(p => p.Name == pooler).Pid;
}
