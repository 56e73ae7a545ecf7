using System.Globalization;
using Npgsql;
using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Playground;
using PgCluster.Playground.Hosts;
using PgCluster.Playground.Pacemaker;
using PgCluster.Tests.Integration.Playground;

namespace PgCluster.Tests.Integration.Pacemaker;

/// <summary>A playground with Pacemaker: that it is reached from here, that there is one, and that nothing of it stays.</summary>
[Collection(PacemakerPlaygroundGroup.Name)]
public sealed class PacemakerPlaygroundTests : IAsyncDisposable
{
    private readonly PlaygroundLab _lab = new();

    public PacemakerPlaygroundTests()
    {
        if (OperatingSystem.IsLinux())
        {
            // Pacemaker's daemons have a user of their own, and write logs there.
            File.SetUnixFileMode(_lab.Base, File.GetUnixFileMode(_lab.Base) | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        }
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task It_serves_and_goes_without_a_trace()
    {
        PacemakerLab.SkipUnlessPossible();
        var name = _lab.NewName();
        var options = new PlaygroundOptions { Name = name, Manager = ClusterManager.Pacemaker, ReadyTimeout = TimeSpan.FromMinutes(6) };

        var mounts = await File.ReadAllTextAsync("/proc/self/mounts", Token);
        var made = await _lab.Manager(_ => new AgentLauncher(null)).CreateAsync(options, null, Token);
        Assert.Equal(ClusterManager.Pacemaker, made.Manager);
        Assert.True(made.Running, string.Join(", ", made.Processes.Where(process => process.Pid == 0).Select(process => process.Name)));
        Assert.Equal(["pg01", "pg02", "pg03"], made.Servers.Select(server => server.Name));
        Assert.Equal(["app", "pg01", "pg02", "pg03"], made.Poolers.Select(pooler => pooler.Name).Order());
        Assert.Equal(3, made.EtcdEndpoints.Count);
        foreach (var program in new[] { "corosync", "pacemaker", "postgres", "pgbouncer", "agent", "proxy" })
        {
            Assert.Equal(3, made.Processes.Count(process => process.Name.StartsWith(program + "-pg", StringComparison.Ordinal)));
        }

        Assert.All(made.Processes, process => Assert.True(File.Exists(process.LogFile), process.LogFile));
        Assert.Equal("pg01", (await QueryAsync(made.ClientUri, "select current_setting('cluster_name')")).Split('/')[1]);
        Assert.Equal("pg02", (await QueryAsync(made.Servers[1].Uri, "select current_setting('cluster_name')")).Split('/')[1]);
        Assert.Equal("2", await QueryAsync(made.Servers[0].Uri, "select count(*) from pg_stat_replication where state = 'streaming'"));
        await using (var cluster = ClusterConnection.Open(made.ConfigFile))
        {
            var summary = await cluster.GetClusterAsync(Token);
            Assert.Equal(("pacemaker", "pg01", 4), (summary.Manager, summary.Primary, summary.Poolers));
        }

        var again = await _lab.Manager().GetAsync(name, Token);
        Assert.Equal(made.Processes.Select(process => process.Pid), again.Processes.Select(process => process.Pid));
        var second = await Assert.ThrowsAsync<PgClusterException>(() => _lab.Manager().CreateAsync(options with { Name = _lab.NewName() }, null, Token));
        Assert.Equal((Reason.InvalidArgument, name), (second.Reason, second.Target));
        await using (var elsewhere = new PlaygroundLab())
        {
            var taken = await Assert.ThrowsAsync<PgClusterException>(() => elsewhere.Manager().CreateAsync(options, null, Token));
            Assert.Equal((Reason.InvalidArgument, HostNetwork.Network), (taken.Reason, taken.Target));
            Assert.Contains(HostNetwork.MachineInterface, taken.Message, StringComparison.Ordinal);
        }

        var everything = made.Processes.Select(process => ProcessIdentity.Find(process.Pid)).OfType<ProcessIdentity>().ToList();
        await _lab.Manager().RemoveAsync(name, null, Token);
        Assert.DoesNotContain(everything, process => process.IsRunning);
        _lab.AssertGone(name, everything.Select(process => process.Pid));
        Assert.False(Directory.Exists("/proc/sys/net/ipv4/conf/" + HostNetwork.MachineInterface));
        Assert.Equal(mounts, await File.ReadAllTextAsync("/proc/self/mounts", Token));
    }

    [Fact]
    public async Task One_that_fails_midway_leaves_nothing()
    {
        PacemakerLab.SkipUnlessPossible();
        var name = _lab.NewName();
        var error = await Assert.ThrowsAsync<PgClusterException>(() => _lab.Manager().CreateAsync(
            new PlaygroundOptions { Name = name, Manager = ClusterManager.Pacemaker, ReadyTimeout = TimeSpan.FromSeconds(5) }, null, Token));
        Assert.Equal(Reason.PlaygroundFailed, error.Reason);
        Assert.Contains("within 5 s", error.Message, StringComparison.Ordinal);
        _lab.AssertGone(name, []);
        Assert.False(Directory.Exists("/proc/sys/net/ipv4/conf/" + HostNetwork.MachineInterface));
    }

    private static async Task<string> QueryAsync(string uri, string sql)
    {
        var parts = new Uri(uri);
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder
        {
            Host = parts.Host,
            Port = parts.Port,
            Username = parts.UserInfo,
            Database = parts.AbsolutePath.Trim('/'),
            Pooling = false,
        }.ConnectionString);
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand(sql, connection);
        return Convert.ToString(await command.ExecuteScalarAsync(Token), CultureInfo.InvariantCulture)!;
    }
}
