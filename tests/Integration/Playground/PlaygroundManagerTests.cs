using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using Npgsql;
using PgCluster.Adapters.Process;
using PgCluster.Playground;

namespace PgCluster.Tests.Integration.Playground;

[SupportedOSPlatform("linux")]
public sealed class PlaygroundManagerTests(PlaygroundLab lab) : IClassFixture<PlaygroundLab>
{
    private readonly PlaygroundLab _lab = lab;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(3, 1, true)]
    [InlineData(2, 3, false)]
    [InlineData(1, 1, true)]
    public async Task A_playground_comes_up_serves_and_goes_without_a_trace(int nodes, int etcdMembers, bool synchronous)
    {
        var name = _lab.NewName();
        var said = new List<string>();
        var began = Stopwatch.GetTimestamp();
        var info = await _lab.Manager().CreateAsync(
            new PlaygroundOptions { Name = name, Nodes = nodes, EtcdMembers = etcdMembers, Synchronous = synchronous }, new Progress(said), Token);
        var up = Stopwatch.GetElapsedTime(began);

        Assert.True(info.Running);
        Assert.Equal((nodes, etcdMembers, nodes + 1), (info.Servers.Count, info.EtcdEndpoints.Count, info.Poolers.Count));
        Assert.Equal(nodes + etcdMembers + nodes + 1, info.Processes.Count);
        Assert.All(info.Processes, process => Assert.True(process.Pid > 0 && File.Exists(process.LogFile), process.ToString()));
        Assert.All(info.Processes, process => Assert.Equal(process.Pid, ProcessStat.Read(process.Pid)!.SessionId));
        Assert.True(File.Exists(info.ConfigFile));
        Assert.NotEmpty(said);

        Assert.Equal("1", await QueryAsync(info.ClientUri, "CREATE TABLE t AS SELECT 1 AS id; SELECT id FROM t"));
        foreach (var pooler in info.Poolers)
        {
            Assert.Equal("1", await QueryAsync(pooler.Uri, "SELECT count(*) FROM t"));
        }

        var sync = await QueryAsync(info.Servers[0].Uri, "SELECT string_agg(sync_state, ',' ORDER BY application_name) FROM pg_stat_replication");
        Assert.Equal((nodes, synchronous) switch { (3, true) => "sync,potential", (2, false) => "async", _ => "" }, sync);
        Assert.Equal("on,on", await QueryAsync(info.Servers[0].Uri, "SELECT current_setting('fsync') || ',' || current_setting('wal_log_hints')"));

        // Another process, later.
        var again = await _lab.Manager().GetAsync(name, Token);
        Assert.Equal(info.Processes, again.Processes);
        Assert.Contains(await _lab.Manager().ListAsync(Token), other => other.Name == name);

        began = Stopwatch.GetTimestamp();
        await _lab.Manager().RemoveAsync(name, null, Token);
        TestContext.Current.TestOutputHelper!.WriteLine(string.Join('\n', said));
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{nodes} nodes: up in {up.TotalSeconds:0.00} s, gone in {Stopwatch.GetElapsedTime(began).TotalSeconds:0.00} s"));
        _lab.AssertGone(name, info.Processes.Select(process => process.Pid));
        var missing = await Assert.ThrowsAsync<PgClusterException>(() => _lab.Manager().GetAsync(name, Token));
        Assert.Equal(Reason.PlaygroundNotFound, missing.Reason);
    }

    [Fact]
    public async Task After_a_kill_of_everything_it_still_goes_without_a_trace()
    {
        var info = await CreateAsync();
        var everything = PlaygroundLab.Everything(info);
        foreach (var process in everything)
        {
            process.Signal(UnixSignal.Kill);
        }

        await Task.WhenAll(everything.Select(process => process.WaitForExitAsync(TimeProvider.System, Token)));

        var dead = await _lab.Manager().GetAsync(info.Name, Token);
        Assert.False(dead.Running);
        await _lab.Manager().RemoveAsync(info.Name, null, Token);
        _lab.AssertGone(info.Name, info.Processes.Select(process => process.Pid));
    }

    [Fact]
    public async Task Killed_postmasters_and_frozen_processes_are_taken_away_too()
    {
        var info = await CreateAsync();
        var postmaster = ProcessIdentity.Find(info.Servers[0].Pid)!.Value;
        postmaster.Signal(UnixSignal.Kill);
        await postmaster.WaitForExitAsync(TimeProvider.System, Token);
        foreach (var name in new[] { "postgres-pg02", "pgbouncer-app", "etcd1" })
        {
            ProcessIdentity.Find(info.Processes.Single(process => process.Name == name).Pid)!.Value.Signal(UnixSignal.Stop);
        }

        var state = await _lab.Manager().GetAsync(info.Name, Token);
        Assert.Equal(0, state.Servers[0].Pid);
        Assert.False(state.Running);
        await _lab.Manager().RemoveAsync(info.Name, null, Token);
        _lab.AssertGone(info.Name, info.Processes.Select(process => process.Pid));
    }

    [Fact]
    public async Task Two_at_once_share_nothing_and_go_one_by_one()
    {
        var both = await Task.WhenAll(CreateAsync(), CreateAsync());
        Assert.Empty(both[0].Processes.Select(p => p.Pid).Intersect(both[1].Processes.Select(p => p.Pid)));
        await QueryAsync(both[0].ClientUri, "CREATE TABLE only_here (id int)");
        await _lab.Manager().RemoveAsync(both[0].Name, null, Token);
        _lab.AssertGone(both[0].Name, both[0].Processes.Select(process => process.Pid));
        Assert.True((await _lab.Manager().GetAsync(both[1].Name, Token)).Running);
        Assert.Equal("0", await QueryAsync(both[1].ClientUri, "SELECT count(*) FROM pg_class WHERE relname = 'only_here'"));
    }

    [Fact]
    public async Task The_same_name_twice_is_an_error_and_the_first_goes_on()
    {
        var info = await CreateAsync();
        var error = await Assert.ThrowsAsync<PgClusterException>(() => _lab.Manager().CreateAsync(new PlaygroundOptions { Name = info.Name }, null, Token));
        Assert.Equal(Reason.InvalidArgument, error.Reason);
        Assert.Contains("remove it first", error.Message, StringComparison.Ordinal);
        Assert.True((await _lab.Manager().GetAsync(info.Name, Token)).Running);
    }

    [Fact]
    public async Task A_process_that_ends_midway_is_an_error_with_its_log_and_nothing_is_left()
    {
        var name = _lab.NewName();
        List<int> pids = [];
        var manager = _lab.Manager(_ => new DirectLauncher
        {
            Then = async (run, token) =>
            {
                pids.AddRange(run.State.Processes.Select(process => process.Pid));
                await run.StartAsync("agent-pg01", run.Paths.Log("pg01", "agent"), "/bin/sh", ["-c", "sleep 0.2; echo the reason why; exit 3"], token);
                await run.WaitAsync(_ => Task.FromResult<string?>("what never comes"), token);
            },
        });
        var error = await Assert.ThrowsAsync<PgClusterException>(() => manager.CreateAsync(new PlaygroundOptions { Name = name }, null, Token));
        Assert.Equal(Reason.PlaygroundFailed, error.Reason);
        Assert.Contains("agent-pg01", error.Message, StringComparison.Ordinal);
        Assert.Contains("the reason why", error.Message, StringComparison.Ordinal);
        Assert.True(pids.Count > 4);
        _lab.AssertGone(name, pids);
    }

    [Fact]
    public async Task Cancelling_midway_leaves_nothing()
    {
        var name = _lab.NewName();
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        List<int> pids = [];
        var manager = _lab.Manager(_ => new DirectLauncher
        {
            Then = async (run, _) =>
            {
                pids.AddRange(run.State.Processes.Select(process => process.Pid));
                await cancel.CancelAsync();
            },
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => manager.CreateAsync(new PlaygroundOptions { Name = name }, null, cancel.Token));
        Assert.True(pids.Count > 4);
        _lab.AssertGone(name, pids);
    }

    [Fact]
    public async Task Agents_are_started_as_agreed_without_the_callers_variables()
    {
        const string Script = """
            #!/bin/sh
            echo "$(env | grep -c ^PGHOST=) $*" >>"$3.said"
            if [ "$1 $5" = 'supervise pg01' ]; then while [ $(grep -c config-file "$3.said") -lt 7 ]; do sleep 0.05; done; cat "$3.said"; exit 1; fi
            exec sleep 300
            """;
        var name = _lab.NewName();
        var agent = Path.Combine(_lab.Base, name + ".sh");
        await File.WriteAllTextAsync(agent, Script, Token);
        File.SetUnixFileMode(agent, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        var previous = Environment.GetEnvironmentVariable("PGHOST");
        Environment.SetEnvironmentVariable("PGHOST", "elsewhere");
        try
        {
            var manager = new PlaygroundManager(_lab.Base);
            var error = await Assert.ThrowsAsync<PgClusterException>(
                () => manager.CreateAsync(new PlaygroundOptions { Name = name, AgentExecutable = agent }, null, Token));
            Assert.StartsWith("agent-pg01 ended", error.Message, StringComparison.Ordinal);
            var config = Path.Combine(_lab.Base, name, "cluster.toml");
            Assert.Equal(
                [
                    .. new[] { "app", "pg01", "pg02", "pg03" }.Select(pooler => $"0 proxy --config-file {config} --pooler {pooler}"),
                    .. new[] { "pg01", "pg02", "pg03" }.Select(node => $"0 supervise --config-file {config} --node {node}"),
                ],
                error.Message.Split('\n').Skip(1).Order(StringComparer.Ordinal));
        }
        finally
        {
            Environment.SetEnvironmentVariable("PGHOST", previous);
            File.Delete(agent);
        }

        _lab.AssertGone(name, []);
    }

    [Fact]
    public async Task A_budget_that_is_over_names_what_was_waited_for()
    {
        var name = _lab.NewName();
        var time = new HeldTime(TimeSpan.FromSeconds(77));
        var manager = _lab.Manager(
            _ => new DirectLauncher
            {
                Then = (run, token) => run.WaitAsync(
                    _ =>
                    {
                        time.Fire();
                        return Task.FromResult<string?>("what never comes");
                    },
                    token),
            },
            time: time);
        var error = await Assert.ThrowsAsync<PgClusterException>(
            () => manager.CreateAsync(new PlaygroundOptions { Name = name, ReadyTimeout = TimeSpan.FromSeconds(77) }, null, Token));
        Assert.Equal(Reason.PlaygroundFailed, error.Reason);
        Assert.Contains("within 77 s, at this step: waiting for what never comes", error.Message, StringComparison.Ordinal);
        Assert.Contains("database system is ready to accept", error.Message, StringComparison.Ordinal);
        _lab.AssertGone(name, []);
    }

    [Fact]
    public async Task An_agent_that_only_root_can_read_is_copied_into_the_playground()
    {
        var name = _lab.NewName();
        var home = Directory.CreateTempSubdirectory("pgc-agent-");
        try
        {
            var agent = Path.Combine(home.FullName, "pgcluster");
            await File.WriteAllTextAsync(agent, "#!/bin/sh\necho \"I am $0\"\nexit 1\n", Token);
            File.SetUnixFileMode(agent, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            var error = await Assert.ThrowsAsync<PgClusterException>(() => new PlaygroundManager(_lab.Base).CreateAsync(
                new PlaygroundOptions { Name = name, AgentExecutable = agent }, null, Token));

            // Without root there is one user only, who runs it where it is.
            var expected = OsAccount.IsRoot ? Path.Combine(_lab.Base, name, "agent", "pgcluster") : agent;
            Assert.Contains($"I am {expected}", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            home.Delete(recursive: true);
        }

        _lab.AssertGone(name, []);
    }

    [Fact]
    public async Task What_was_started_but_not_written_down_goes_and_a_recycled_pid_stays()
    {
        var name = _lab.NewName();
        var unwritten = 0;
        Process? bystander = null;
        var manager = _lab.Manager(_ => new DirectLauncher
        {
            Then = async (run, token) =>
            {
                var start = new ProcessStartInfo("sleep", ["300"]);
                bystander = Process.Start(start)!;

                // The numbers of a process that ended long ago, and whose pid this one got.
                var identity = ProcessIdentity.Find(bystander.Id)!.Value;
                await run.SaveAsync(
                    state => state with { Processes = [.. state.Processes, new("old", identity.Pid, identity.StartTicks - 1, "/dev/null")] }, token);

                using var lost = await DetachedProcess.StartAsync(
                    new ProgramCommand("sleep", ["300"])
                    {
                        Account = run.Home.Account,
                        Environment = new Dictionary<string, string?> { [PlaygroundRun.Marker] = run.State.Id },
                    },
                    run.Paths.Of("lost.log"), token);
                unwritten = lost.Id;
                throw new IOException("killed here");
            },
        });
        var error = await Assert.ThrowsAsync<PgClusterException>(() => manager.CreateAsync(new PlaygroundOptions { Name = name }, null, Token));
        Assert.Contains("killed here", error.Message, StringComparison.Ordinal);
        _lab.AssertGone(name, []);
        Assert.Null(ProcessIdentity.Find(unwritten));
        Assert.False(bystander!.HasExited);
        bystander.Kill();
        await bystander.WaitForExitAsync(Token);
        bystander.Dispose();
    }

    [Fact]
    public async Task A_missing_program_is_named_with_its_package_before_anything_is_made()
    {
        var empty = Directory.CreateTempSubdirectory("pgc-path-");
        try
        {
            foreach (var program in new[] { "setsid", "setpriv", "cp", "etcd" })
            {
                await File.WriteAllTextAsync(Path.Combine(empty.FullName, program), "", Token);
            }

            var name = _lab.NewName();
            var manager = _lab.Manager(findPrograms: () => PlaygroundPrograms.Find([empty.FullName]));
            var error = await Assert.ThrowsAsync<PgClusterException>(() => manager.CreateAsync(new PlaygroundOptions { Name = name }, null, Token));
            Assert.Equal((Reason.MissingProgram, "pgbouncer"), (error.Reason, error.Target));
            Assert.Contains("package 'pgbouncer'", error.Message, StringComparison.Ordinal);
            _lab.AssertGone(name, []);
        }
        finally
        {
            empty.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_missing_agent_or_an_overlong_path_is_said_before_anything_is_made()
    {
        var name = _lab.NewName();
        var missing = await Assert.ThrowsAsync<PgClusterException>(() => new PlaygroundManager(_lab.Base).CreateAsync(
            new PlaygroundOptions { Name = name, AgentExecutable = "/nowhere/pgcluster" }, null, Token));
        Assert.Equal(Reason.MissingProgram, missing.Reason);
        _lab.AssertGone(name, []);

        var deep = Path.Combine(_lab.Base, new string('d', 80));
        var tooLong = await Assert.ThrowsAsync<PgClusterException>(() => new PlaygroundManager(
            deep, TimeProvider.System, _ => new DirectLauncher(), () => PlaygroundPrograms.Find()).CreateAsync(new PlaygroundOptions { Name = name }, null, Token));
        Assert.Equal(Reason.InvalidArgument, tooLong.Reason);
        Assert.Contains("107", tooLong.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(deep));
    }

    private Task<PlaygroundInfo> CreateAsync() => _lab.Manager().CreateAsync(new PlaygroundOptions { Name = _lab.NewName() }, null, Token);

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

    private sealed class Progress(List<string> said) : IProgress<string>
    {
        private readonly long _began = Stopwatch.GetTimestamp();

        public void Report(string value) => said.Add(
            string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(_began).TotalSeconds:0.00} s: {value}"));
    }
}
