using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Nodes;

namespace PgCluster.Tests.Integration.Postgres;

public sealed class LocalPostgresServerTests : IAsyncDisposable
{
    private readonly PostgresLab _lab = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task A_server_starts_in_a_session_of_its_own_and_stops_clean()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var server = _lab.Open(options);

        var before = await server.ProbeAsync(Token);
        Assert.Equal((NodeState.Stopped, NodeRole.Primary, 0), (before.State, before.Role, before.PostmasterPid));
        await server.WaitForExitAsync(Token);

        await server.StartAsync(Token);
        await server.StartAsync(Token);
        var running = await server.ProbeAsync(Token);
        Assert.Equal((NodeState.Running, NodeRole.Primary, 1), (running.State, running.Role, running.Timeline));
        Assert.Equal(before.SystemIdentifier, running.SystemIdentifier);
        Assert.StartsWith(before.ServerVersion!, running.ServerVersion, StringComparison.Ordinal);
        Assert.Null(running.ReplayLagSeconds);
        var stat = ProcessStat.Read(running.PostmasterPid)!;
        Assert.Equal((running.PostmasterPid, Environment.ProcessId), (stat.SessionId, stat.ParentPid));

        await server.CheckpointAsync(Token);
        var shutdown = await server.StopAsync(ShutdownMode.Fast, Token);
        Assert.True(shutdown.Clean);
        Assert.Equal(1, shutdown.Timeline);
        Assert.True(shutdown.CheckpointLsn >= running.Lsn!.Value);
        Assert.Null(ProcessStat.Read(running.PostmasterPid));
        Assert.Equal(shutdown, await server.StopAsync(ShutdownMode.Fast, Token));
        Assert.Equal(NodeState.Stopped, (await server.ProbeAsync(Token)).State);
    }

    [Fact]
    public async Task Three_servers_change_places_and_back_without_a_rebuild()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var servers = new Dictionary<string, LocalPostgresServer> { ["pg01"] = _lab.Open(options) };
        var all = new Dictionary<string, LocalPostgresOptions> { ["pg01"] = options };
        await servers["pg01"].StartAsync(Token);
        foreach (var name in new[] { "pg02", "pg03" })
        {
            all[name] = await _lab.CreateBackupAsync(name, options);
            servers[name] = _lab.Open(all[name]);
            Assert.Equal(NodeState.Stopped, (await servers[name].ProbeAsync(Token)).State);
            await servers[name].FollowAsync(Address(options), Token);
        }

        await servers["pg01"].SetSynchronousStandbysAsync("FIRST 1 (pg02, pg03)", Token);
        var primary = await PostgresLab.ProbeUntilAsync(
            servers["pg01"], s => s.Standbys.Any(p => p is { Name: "pg02", SyncState: SyncState.Sync }) && s.Standbys.Any(p => p is { Name: "pg03", SyncState: SyncState.Potential }));
        Assert.Equal("FIRST 1 (pg02, pg03)", primary.SynchronousStandbyNames);
        await PostgresLab.QueryAsync(options, "CREATE TABLE t AS SELECT 1 AS id");

        var (from, to, third) = ("pg01", "pg02", "pg03");
        for (var timeline = 2; timeline <= 4; timeline++)
        {
            await servers[to].SetSynchronousStandbysAsync($"FIRST 1 ({from}, {third})", Token);
            await servers[from].CheckpointAsync(Token);
            var began = Stopwatch.GetTimestamp();
            var shutdown = await servers[from].StopAsync(ShutdownMode.Fast, Token);
            var stopped = Stopwatch.GetElapsedTime(began);
            Assert.True(shutdown.Clean);
            Assert.True(await servers[to].WaitForReplayAsync(shutdown.CheckpointLsn, Token) > shutdown.CheckpointLsn);
            var replayed = Stopwatch.GetElapsedTime(began);
            Assert.Equal(timeline, await servers[to].PromoteAsync(Token));
            TestContext.Current.TestOutputHelper!.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{from} to {to}: stopped {stopped.TotalMilliseconds:0} ms, replayed {replayed.TotalMilliseconds:0} ms, promoted {Stopwatch.GetElapsedTime(began).TotalMilliseconds:0} ms"));
            Assert.Equal(timeline, await servers[to].PromoteAsync(Token));

            await servers[third].FollowAsync(Address(all[to]), Token);
            await servers[from].FollowAsync(Address(all[to]), Token);
            await PostgresLab.QueryAsync(all[to], $"INSERT INTO t VALUES ({timeline})");
            foreach (var standby in new[] { from, third })
            {
                var status = await PostgresLab.ProbeUntilAsync(servers[standby], s => s.State == NodeState.Running && s.Timeline == timeline);
                Assert.Equal(NodeRole.Standby, status.Role);
                Assert.Equal($"127.0.0.1:{all[to].Port}", status.UpstreamAddress);
            }

            await PostgresLab.ProbeUntilAsync(servers[to], s => s.Standbys.Count == 2 && s.Standbys.All(p => p.State == "streaming"));
            (from, to) = (to, from);
        }

        var last = (await servers[from].ProbeAsync(Token)).Lsn!.Value;
        await servers["pg03"].WaitForReplayAsync(new Lsn(last.Value - 1), Token);
        Assert.Equal("1,2,3,4", await PostgresLab.QueryAsync(all["pg03"], "SELECT string_agg(id::text, ',' ORDER BY id) FROM t"));
        await PostgresLab.ProbeUntilAsync(servers["pg03"], s => s.ReplayLagSeconds == 0 && s.ReplayLsn >= last);
    }

    [Fact]
    public async Task Following_the_same_upstream_again_leaves_the_receiver_alone()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var primary = _lab.Open(options);
        await primary.StartAsync(Token);
        var standbyOptions = await _lab.CreateBackupAsync("pg02", options);
        var standby = _lab.Open(standbyOptions);
        await standby.FollowAsync(Address(options), Token);
        await PostgresLab.ProbeUntilAsync(standby, s => s.State == NodeState.Running);
        var receiver = await PostgresLab.QueryAsync(standbyOptions, "SELECT pid FROM pg_stat_wal_receiver");
        var loaded = await PostgresLab.QueryAsync(standbyOptions, "SELECT pg_conf_load_time()");

        await standby.FollowAsync(Address(options), Token);

        Assert.Equal(loaded, await PostgresLab.QueryAsync(standbyOptions, "SELECT pg_conf_load_time()"));
        Assert.Equal(receiver, await PostgresLab.QueryAsync(standbyOptions, "SELECT pid FROM pg_stat_wal_receiver"));
    }

    [Fact]
    public async Task A_primary_that_runs_refuses_to_follow_or_to_be_made_a_primary()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var server = _lab.Open(options);
        await server.StartAsync(Token);
        var follow = await Assert.ThrowsAsync<PgClusterException>(() => server.FollowAsync(new UpstreamAddress("pg02", "127.0.0.1", 1), Token));
        Assert.Equal(Reason.PostgresUnavailable, follow.Reason);
        await Assert.ThrowsAsync<PgClusterException>(() => server.MakePrimaryAsync(Token));
        Assert.False(File.Exists(Path.Combine(options.DataDirectory, "standby.signal")));
        Assert.Equal(NodeRole.Primary, (await server.ProbeAsync(Token)).Role);
    }

    [Fact]
    public async Task A_stopped_primary_that_was_told_to_follow_becomes_the_primary_it_was()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var server = _lab.Open(options);
        await server.StartAsync(Token);
        await server.StopAsync(ShutdownMode.Fast, Token);
        await File.WriteAllTextAsync(Path.Combine(options.DataDirectory, "standby.signal"), "", Token);
        Assert.Equal(NodeRole.Standby, (await server.ProbeAsync(Token)).Role);
        await server.MakePrimaryAsync(Token);
        await server.StartAsync(Token);
        Assert.Equal((NodeRole.Primary, 1), ((await server.ProbeAsync(Token)).Role, (await server.ProbeAsync(Token)).Timeline));
    }

    [Fact]
    public async Task A_standby_that_was_shut_down_is_not_made_a_primary()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        await _lab.Open(options).StartAsync(Token);
        var standby = _lab.Open(await _lab.CreateBackupAsync("pg02", options));
        await standby.FollowAsync(Address(options), Token);
        Assert.True((await standby.StopAsync(ShutdownMode.Fast, Token)).Clean);
        var refused = await Assert.ThrowsAsync<PgClusterException>(() => standby.MakePrimaryAsync(Token));
        Assert.Contains("promote", refused.Message, StringComparison.Ordinal);
        Assert.Equal(NodeRole.Standby, (await standby.ProbeAsync(Token)).Role);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_killed_postmaster_is_noticed_within_milliseconds_and_starts_again(bool adopted)
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var starter = _lab.Open(options);
        await starter.StartAsync(Token);
        var server = adopted ? _lab.Open(options) : starter;
        await server.StartAsync(Token);
        var pid = (await server.ProbeAsync(Token)).PostmasterPid;

        var exit = server.WaitForExitAsync(Token);
        Assert.False(exit.IsCompleted);
        var postmaster = ProcessIdentity.Find(pid)!.Value;
        var began = Stopwatch.GetTimestamp();
        Assert.True(postmaster.Signal(UnixSignal.Kill));
        await exit.WaitAsync(TimeSpan.FromSeconds(30), Token);
        var noticed = Stopwatch.GetElapsedTime(began);
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture, $"noticed after {noticed.TotalMilliseconds:0.0} ms"));
        Assert.False(postmaster.Signal(UnixSignal.Kill));

        var status = await server.ProbeAsync(Token);
        Assert.Equal((NodeState.Crashed, NodeRole.Primary, 0), (status.State, status.Role, status.PostmasterPid));
        await server.StartAsync(Token);
        var again = await server.ProbeAsync(Token);
        Assert.Equal(NodeState.Running, again.State);
        Assert.NotEqual(pid, again.PostmasterPid);
    }

    [Fact]
    public async Task An_adopted_postmaster_is_stopped_probed_and_waited_for()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var starter = _lab.Open(options);
        await starter.StartAsync(Token);
        var pid = (await starter.ProbeAsync(Token)).PostmasterPid;

        var server = _lab.Open(options);
        Assert.Equal(pid, (await server.ProbeAsync(Token)).PostmasterPid);
        var exit = server.WaitForExitAsync(Token);
        using var given = new CancellationTokenSource();
        var cancelled = server.WaitForExitAsync(given.Token);
        await given.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.False(exit.IsCompleted);
        Assert.True((await server.StopAsync(ShutdownMode.Fast, Token)).Clean);
        await exit.WaitAsync(TimeSpan.FromSeconds(5), Token);
    }

    [Fact]
    public async Task A_recycled_postmaster_pid_is_neither_adopted_nor_signalled()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var server = _lab.Open(options);
        await server.StartAsync(Token);
        var pid = (await server.ProbeAsync(Token)).PostmasterPid;
        var file = Path.Combine(options.DataDirectory, "postmaster.pid");
        var text = await File.ReadAllTextAsync(file, Token);
        await server.StopAsync(ShutdownMode.Immediate, Token);

        // This test's own process takes the place of whoever got the number after a restart of the machine.
        await File.WriteAllTextAsync(
            file, text.Replace(pid.ToString(CultureInfo.InvariantCulture), Environment.ProcessId.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal), Token);
        Assert.Equal(NodeState.Crashed, (await server.ProbeAsync(Token)).State);
        await server.StopAsync(ShutdownMode.Fast, Token);
        await server.StartAsync(Token);
        Assert.Equal(NodeState.Running, (await server.ProbeAsync(Token)).State);
    }

    [Fact]
    public async Task A_zombie_postmaster_that_nobody_reaps_is_named_in_the_error()
    {
        var options = await _lab.CreatePrimaryAsync("pg01") with { LeftoverTimeout = TimeSpan.FromMilliseconds(200) };
        var server = _lab.Open(options);

        // A shell that never waits for its child, as a PID 1 that is slow to reap.
        using var parent = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "sleep 0 & echo $!; exec sleep 60"]) { RedirectStandardOutput = true })!;
        try
        {
            var zombie = int.Parse((await parent.StandardOutput.ReadLineAsync(Token))!, CultureInfo.InvariantCulture);
            while (ProcessStat.Read(zombie) is not { IsZombie: true })
            {
                await Task.Delay(1, Token);
            }

            await File.WriteAllTextAsync(
                Path.Combine(options.DataDirectory, "postmaster.pid"), $"{zombie}\n{options.DataDirectory}\n1\n{options.Port}\n\n\n\nready\n", Token);
            Assert.Equal(0, (await server.ProbeAsync(Token)).PostmasterPid);
            var error = await Assert.ThrowsAsync<PgClusterException>(() => server.StartAsync(Token));
            Assert.Contains($"parent, process {parent.Id}", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            parent.Kill();
        }

        // Now whoever adopts orphans on this machine has to reap it, which may take seconds.
        await parent.WaitForExitAsync(Token);
        await _lab.Open(options with { LeftoverTimeout = TimeSpan.FromSeconds(30) }).StartAsync(Token);
    }

    [Fact]
    public async Task A_server_that_cannot_start_fails_at_once_with_its_log()
    {
        var options = await _lab.CreatePrimaryAsync("pg01", "no_such_setting = on");
        var began = Stopwatch.GetTimestamp();
        var error = await Assert.ThrowsAsync<PgClusterException>(() => _lab.Open(options).StartAsync(Token));
        Assert.Equal(Reason.PostgresUnavailable, error.Reason);
        Assert.Contains("no_such_setting", error.Message, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task A_configuration_kept_outside_the_data_directory_is_used()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var elsewhere = Path.Combine(_lab.Root, "etc");
        Directory.CreateDirectory(elsewhere);
        foreach (var file in new[] { "postgresql.conf", "pg_hba.conf", "pg_ident.conf" })
        {
            File.Move(Path.Combine(options.DataDirectory, file), Path.Combine(elsewhere, file));
        }

        // As Debian does: a configuration elsewhere says where its companions are.
        await File.AppendAllTextAsync(
            Path.Combine(elsewhere, "postgresql.conf"), $"hba_file = '{elsewhere}/pg_hba.conf'\nident_file = '{elsewhere}/pg_ident.conf'\n", Token);
        var server = _lab.Open(options with { ConfigFile = Path.Combine(elsewhere, "postgresql.conf") });
        await server.StartAsync(Token);
        Assert.Equal(Path.Combine(elsewhere, "postgresql.conf"), await PostgresLab.QueryAsync(options, "SHOW config_file"));
    }

    [Fact]
    public async Task A_server_on_another_port_than_configured_is_an_error_that_names_both()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var server = _lab.Open(options with { Port = options.Port + 1 });
        var error = await Assert.ThrowsAsync<PgClusterException>(() => server.StartAsync(Token));
        Assert.Contains($"port {options.Port}, but the cluster's configuration says {options.Port + 1}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_transactions_are_listed_by_age_and_only_the_named_are_terminated()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var server = _lab.Open(options);
        await server.StartAsync(Token);
        var sessions = new List<NpgsqlConnection>();
        for (var i = 0; i < 6; i++)
        {
            sessions.Add(await PostgresLab.ConnectAsync(options, $"app{i}"));
            if (i < 5)
            {
                await sessions[i].BeginTransactionAsync(Token);
                await using var command = new NpgsqlCommand("SELECT 1", sessions[i]);
                await command.ExecuteScalarAsync(Token);
            }
        }

        var open = await server.GetOpenTransactionsAsync(TimeSpan.Zero, Token);
        Assert.Equal(["app0", "app1", "app2", "app3", "app4"], open.Select(o => o.Application));
        Assert.All(open, o => Assert.Equal(("pg01", "postgres", "idle in transaction"), (o.Node, o.User, o.State)));
        Assert.True(open[0].AgeSeconds > open[4].AgeSeconds);
        Assert.Empty(await server.GetOpenTransactionsAsync(TimeSpan.FromMinutes(1), Token));

        Assert.Equal(3, await server.TerminateSessionsAsync([open[0].Pid, open[1].Pid, open[2].Pid, Environment.ProcessId], Token));
        await PostgresLab.ProbeUntilAsync(server, _ => true);
        while ((await server.GetOpenTransactionsAsync(TimeSpan.Zero, Token)).Count > 2)
        {
            await Task.Delay(1, Token);
        }

        Assert.Equal("3", await PostgresLab.QueryAsync(options, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'app%'"));
        foreach (var session in sessions)
        {
            await session.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_synchronous_list_that_cannot_be_read_is_an_error_and_a_good_one_takes_effect()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var server = _lab.Open(options);
        await server.StartAsync(Token);
        var error = await Assert.ThrowsAsync<PgClusterException>(() => server.SetSynchronousStandbysAsync("FIRST 1 (", Token));
        Assert.Contains("synchronous_standby_names", error.Message, StringComparison.Ordinal);

        await server.SetSynchronousStandbysAsync("ANY 1 (\"pg-02\", pg03)", Token);
        Assert.Equal("ANY 1 (\"pg-02\", pg03)", (await server.ProbeAsync(Token)).SynchronousStandbyNames);

        // A commit waits for a standby that does not come, until the list is emptied.
        var insert = PostgresLab.QueryAsync(options, "CREATE TABLE t (id int)");
        await PostgresLab.ProbeUntilAsync(server, _ => Waiting(options).GetAwaiter().GetResult());
        Assert.False(insert.IsCompleted);
        await server.SetSynchronousStandbysAsync("", Token);
        await insert.WaitAsync(TimeSpan.FromSeconds(5), Token);

        static async Task<bool> Waiting(LocalPostgresOptions options) =>
            await PostgresLab.QueryAsync(options, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "1";
    }

    [Fact]
    public async Task Probes_survive_restarts_and_stay_quick()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var server = _lab.Open(options);
        for (var i = 0; i < 3; i++)
        {
            await server.StartAsync(Token);
            await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => server.ProbeAsync(Token)));
            Assert.Equal(NodeState.Running, (await server.ProbeAsync(Token)).State);
            await server.StopAsync(i == 1 ? ShutdownMode.Immediate : ShutdownMode.Fast, Token);
        }

        // Restarted behind its back: every pooled connection is dead.
        var other = _lab.Open(options);
        await server.StartAsync(Token);
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => server.ProbeAsync(Token)));
        await other.StopAsync(ShutdownMode.Fast, Token);
        await other.StartAsync(Token);
        for (var i = 0; i < 8; i++)
        {
            Assert.Equal(NodeState.Running, (await server.ProbeAsync(Token)).State);
        }

        var samples = new List<double>();
        for (var i = 0; i < 200; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await server.ProbeAsync(Token);
            samples.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        samples.Sort();
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture, $"probe: median {samples[100]:0.00} ms, p95 {samples[190]:0.00} ms"));
        Assert.True(samples[100] < 25, $"median {samples[100]} ms");
    }

    [Fact]
    public async Task An_archiver_that_fails_is_seen_with_its_backlog()
    {
        var options = await _lab.CreatePrimaryAsync("pg01", "archive_mode = on\narchive_command = 'false'");
        var server = _lab.Open(options);
        await server.StartAsync(Token);
        Assert.Equal((0, false), ((await server.ProbeAsync(Token)).ArchiveBacklog, (await server.ProbeAsync(Token)).ArchiverFailing));
        await PostgresLab.QueryAsync(options, "SELECT pg_switch_wal()");
        await PostgresLab.ProbeUntilAsync(server, s => s is { ArchiveBacklog: > 0, ArchiverFailing: true });
    }

    [Fact]
    public async Task A_frozen_server_is_unknown_within_the_timeout_and_known_again_after()
    {
        var options = await _lab.CreatePrimaryAsync("pg01") with { ConnectTimeout = TimeSpan.FromMilliseconds(300) };
        var server = _lab.Open(options);
        await server.StartAsync(Token);
        await server.ProbeAsync(Token);
        var processes = DataDirectoryProcesses.FindAll(options.DataDirectory);
        Assert.True(processes.Count > 3);
        foreach (var process in processes)
        {
            process.Signal(UnixSignal.Stop);
        }

        for (var i = 0; i < 3; i++)
        {
            var began = Stopwatch.GetTimestamp();
            var status = await server.ProbeAsync(Token);
            Assert.Equal(NodeState.Unknown, status.State);
            Assert.NotEqual(0, status.PostmasterPid);
            Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(5), $"took {Stopwatch.GetElapsedTime(began)}");
        }

        foreach (var process in processes)
        {
            process.Signal(UnixSignal.Continue);
        }

        await PostgresLab.ProbeUntilAsync(server, s => s.State == NodeState.Running);
    }

    [Fact]
    public async Task A_standby_without_its_primary_does_not_stream_and_slots_are_listed()
    {
        var options = await _lab.CreatePrimaryAsync("pg01", "wal_level = logical");
        var primary = _lab.Open(options);
        await primary.StartAsync(Token);
        await PostgresLab.QueryAsync(options, "SELECT pg_create_physical_replication_slot('keep')");
        await PostgresLab.QueryAsync(options, "SELECT pg_create_logical_replication_slot('feed', 'pgoutput')");
        var status = await primary.ProbeAsync(Token);
        Assert.Equal(
            [new ReplicationSlot("feed", true, false, false), new ReplicationSlot("keep", false, false, false)],
            status.Slots.Select(slot => slot with { RestartLsn = null }));
        Assert.Equal((true, false, -1), (status.Slots[0].RestartLsn is not null, status.Slots[1].RestartLsn is not null, status.SlotWalKeepMegabytes));

        var standby = _lab.Open(await _lab.CreateBackupAsync("pg02", options));
        await standby.FollowAsync(Address(options), Token);
        await PostgresLab.ProbeUntilAsync(standby, s => s.State == NodeState.Running);
        await primary.StopAsync(ShutdownMode.Fast, Token);
        var lonely = await PostgresLab.ProbeUntilAsync(standby, s => s.State == NodeState.NotStreaming);
        Assert.Equal((NodeRole.Standby, null), (lonely.Role, lonely.UpstreamAddress));
        Assert.Contains("does not stream", lonely.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_outlives_the_process_that_started_it()
    {
        var options = await _lab.CreatePrimaryAsync("pg01");
        var assembly = typeof(LocalPostgresServerTests).Assembly.Location;
        var start = new ProcessStartInfo(Path.ChangeExtension(assembly, null), ["-explicit", "only", "-method", $"{typeof(LocalPostgresServerTests).FullName}.{nameof(Helper_that_starts_a_server_and_waits)}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            Environment = { ["PGCLUSTER_TEST_SERVER"] = $"{options.Port} {options.DataDirectory}" },
        };
        using var agent = Process.Start(start)!;
        var server = _lab.Open(options);
        try
        {
            await PostgresLab.ProbeUntilAsync(server, s => s.State == NodeState.Running);
        }
        finally
        {
            agent.Kill();
        }

        await agent.WaitForExitAsync(Token);
        var status = await server.ProbeAsync(Token);
        Assert.Equal(NodeState.Running, status.State);
        Assert.NotEqual(agent.Id, ProcessStat.Read(status.PostmasterPid)!.ParentPid);
        Assert.Equal("1", await PostgresLab.QueryAsync(options, "SELECT 1"));
        Assert.True((await server.StopAsync(ShutdownMode.Fast, Token)).Clean);
        await server.StartAsync(Token);
    }

    /// <summary>Run by the test above in a process of its own, which is killed meanwhile.</summary>
    [Fact(Explicit = true)]
    public async Task Helper_that_starts_a_server_and_waits()
    {
        var words = Environment.GetEnvironmentVariable("PGCLUSTER_TEST_SERVER")!.Split(' ', 2);
        var options = new LocalPostgresOptions
        {
            NodeName = "pg01",
            Port = int.Parse(words[0], CultureInfo.InvariantCulture),
            DataDirectory = words[1],
        };
        await using var server = new LocalPostgresServer(options, TimeProvider.System, NullLogger<LocalPostgresServer>.Instance);
        await server.StartAsync(Token);
        await server.WaitForExitAsync(Token);
    }

    private static UpstreamAddress Address(LocalPostgresOptions options) => new(options.NodeName, options.Host, options.Port);
}
