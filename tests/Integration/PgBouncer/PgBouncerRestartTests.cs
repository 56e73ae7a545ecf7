using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Npgsql;
using PgCluster.Adapters.PgBouncer;
using PgCluster.Adapters.Process;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.PgBouncer;

/// <summary>What a real PgBouncer hands over to another process, what it does not, and that the old one goes on when the other does not come to it.</summary>
[Collection(PgBouncerGroup.Name)]
public sealed class PgBouncerRestartTests(PostgresInstance postgres)
{
    private const string Log = "logfile = {0}/pgbouncer.log\npidfile = {0}/pgbouncer.pid\n";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ten_restarts_in_a_row_are_not_noticed_by_clients_at_work_in_a_transaction_in_a_session_or_connecting()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(
            postgres, databases: "app = host=127.0.0.1 port={0} dbname=postgres\nsession = host=127.0.0.1 port={0} dbname=postgres pool_mode=session", more: Log);
        var restart = RestartOf(bouncer);
        await using var inTransaction = await bouncer.OpenClientAsync();
        await using var transaction = await inTransaction.BeginTransactionAsync(Token);
        var began = await AskAsync(inTransaction, "SELECT pg_backend_pid() || ' ' || txid_current()");
        await using var inSession = await bouncer.OpenClientAsync("session");
        await AskAsync(inSession, "CREATE TEMP TABLE kept AS SELECT 0 AS n; SELECT 'made'");
        var session = await AskAsync(inSession, "SELECT pg_backend_pid()::text");

        var failures = new ConcurrentQueue<Exception>();
        var done = 0;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        Task[] working = [.. Enumerable.Range(0, 6).Select(i => Task.Run(() => WorkAsync(connectAnew: i % 2 == 0), Token))];
        await Poll.UntilAsync("clients are at work", () => Volatile.Read(ref done) > 20);
        for (var i = 1; i <= 10; i++)
        {
            var old = bouncer.Pid;
            await restart.WaitUntilCalmAsync(mayDrop: false, Token);
            var result = await restart.RunAsync(mayDrop: false);

            Assert.Equal((old, bouncer.Pid), (result.OldPid, result.NewPid));
            Assert.NotEqual(old, result.NewPid);
            Assert.Equal(("/usr/sbin/pgbouncer", "1.18.0", "1.18.0", 0), (result.Program, result.OldVersion, result.NewVersion, result.Dropped));
            Assert.Empty(result.Changes);
            Assert.InRange(result.ClientsKept, 2, result.Clients);
            Assert.InRange(result.ServersKept, 2, result.Servers);
            Assert.Equal(began, await AskAsync(inTransaction, "SELECT pg_backend_pid() || ' ' || txid_current()"));
            Assert.Equal($"{i - 1}", await AskAsync(inSession, "UPDATE kept SET n = n + 1 RETURNING (n - 1)::text"));
            Assert.Equal(session, await AskAsync(inSession, "SELECT pg_backend_pid()::text"));
            var before = Volatile.Read(ref done);
            await Poll.UntilAsync("clients go on", () => Volatile.Read(ref done) > before + 20 || !failures.IsEmpty);
        }

        await stop.CancelAsync();
        await Task.WhenAll(working);
        Assert.Empty(failures);
        await transaction.CommitAsync(Token);

        async Task WorkAsync(bool connectAnew)
        {
            NpgsqlConnection? client = null;
            try
            {
                while (!stop.IsCancellationRequested)
                {
                    client ??= await bouncer.OpenClientAsync();
                    await using (var one = await client.BeginTransactionAsync(Token))
                    {
                        var backend = await AskAsync(client, "SELECT pg_backend_pid()::text");
                        Assert.Equal(backend, await AskAsync(client, "SELECT pg_backend_pid()::text FROM pg_sleep(0.001)"));
                        await one.CommitAsync(Token);
                    }

                    Interlocked.Increment(ref done);
                    if (connectAnew)
                    {
                        await client.DisposeAsync();
                        client = null;
                    }
                }
            }
            catch (Exception e)
            {
                failures.Enqueue(e);
            }
            finally
            {
                if (client is not null)
                {
                    await client.DisposeAsync();
                }
            }
        }
    }

    [Fact]
    public async Task Query_that_runs_meanwhile_gets_its_answer()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, more: Log);
        await using var client = await bouncer.OpenClientAsync();
        var answer = AskAsync(client, "SELECT 'slept' FROM pg_sleep(3)");
        await using var console = bouncer.Console();
        await Poll.UntilAsync("it runs", async () => (await console.ShowServersAsync(Token)).Any(s => s.InUse));

        await RestartOf(bouncer).RunAsync(mayDrop: false);

        Assert.Equal("slept", await answer);
        await AskAsync(client, "SELECT 'served'");
    }

    [Fact]
    public async Task File_that_was_replaced_is_what_is_started_and_what_is_otherwise_is_said()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, more: Log, copy: true);
        await using var client = await bouncer.OpenClientAsync();
        await AskAsync(client, "SELECT 'served'");
        var program = Path.Combine(bouncer.DirectoryPath, "pgbouncer");
        File.Copy("/usr/sbin/pgbouncer", program + ".new");
        File.Move(program + ".new", program, overwrite: true);
        Assert.EndsWith(" (deleted)", new FileInfo($"/proc/{bouncer.Pid}/exe").LinkTarget, StringComparison.Ordinal);
        await using (var raw = await bouncer.OpenRawAsync())
        {
            (await raw.QueryAllAsync(["SET query_timeout = '7'"], Token))[0].ThrowIfError();
        }

        var result = await RestartOf(bouncer).RunAsync(mayDrop: false);

        Assert.Equal(program, result.Program);
        Assert.Equal(program, new FileInfo($"/proc/{result.NewPid}/exe").LinkTarget);
        Assert.Equal(["query_timeout: 7 -> 0"], result.Changes);
        Assert.Equal((1, 1), (result.Clients, result.ClientsKept));
        await AskAsync(client, "SELECT 'served'");

        File.Delete(program);
        Assert.Equal(Reason.MissingProgram, (await Assert.ThrowsAsync<PgClusterException>(() => RestartOf(bouncer).PlanAsync(false, Token))).Reason);
        await AskAsync(client, "SELECT 'served'");
    }

    [Fact]
    public async Task Pooler_without_a_log_that_can_be_handed_on_and_one_that_is_paused_are_left_as_they_are()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await AssertRefusedAsync(bouncer, Reason.PreflightFailed, "logfile");
        var old = bouncer.Pid;

        await console.PauseAsync(Token);
        await AssertRefusedAsync(bouncer, Reason.PreflightFailed, "paused");
        await console.ResumeAsync(Token);
        await console.DisableAsync("app", Token);
        await AssertRefusedAsync(bouncer, Reason.PreflightFailed, "disabled");
        await console.EnableAsync("app", Token);

        Assert.Equal(old, bouncer.Pid);
        await using var client = await bouncer.OpenClientAsync();
        await AskAsync(client, "SELECT 'served'");
    }

    [Fact]
    public async Task Pooler_in_the_background_is_restarted_there_by_its_socket()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, more: Log, daemon: true);
        await using var client = await bouncer.OpenClientAsync();
        for (var i = 0; i < 3; i++)
        {
            await AskAsync(client, "SELECT 'served'");
            var old = bouncer.Pid;
            var result = await RestartOf(bouncer, socket: true).RunAsync(mayDrop: false);
            Assert.Equal((old, bouncer.Pid, 1), (result.OldPid, result.NewPid, result.ClientsKept));
            Assert.NotEqual(old, result.NewPid);
            Assert.Equal($"{result.NewPid}", (await File.ReadAllTextAsync(Path.Combine(bouncer.DirectoryPath, "pgbouncer.pid"), Token)).Trim());
        }

        await AskAsync(client, "SELECT 'served'");
    }

    /// <summary>With another socket in its file PgBouncer finds nobody to take over from, and begins beside the old one.</summary>
    [Fact]
    public async Task New_process_that_begins_beside_the_old_one_is_ended()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, more: "logfile = {0}/pgbouncer.log\n");
        await using var client = await bouncer.OpenClientAsync();
        await AskAsync(client, "SELECT 'served'");
        var old = bouncer.Pid;
        var other = Directory.CreateDirectory(Path.Combine(bouncer.DirectoryPath, "other")).FullName;
        ClusterLab.Account?.Own(other);
        await File.AppendAllTextAsync(bouncer.ConfigFile, $"unix_socket_dir = {other}\n", Token);

        var error = await Assert.ThrowsAsync<PgClusterException>(() => RestartOf(bouncer).RunAsync(mayDrop: false));

        Assert.Equal(Reason.RolledBack, error.Reason);
        Assert.Contains("old process not found", error.Message, StringComparison.Ordinal);
        Assert.Equal(old, bouncer.Pid);
        var beside = SocketOwners.FindListening(bouncer.Socket.ToString().Replace(bouncer.DirectoryPath, other, StringComparison.Ordinal));
        await Poll.UntilAsync("the other one is gone", () => beside is null || SocketOwners.Find(beside) == 0);
        await AskAsync(client, "SELECT 'served'");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task New_process_that_cannot_read_its_file_leaves_the_old_one_at_work(bool daemon)
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, more: Log, daemon: daemon);
        await using var client = await bouncer.OpenClientAsync();
        await using var transaction = await client.BeginTransactionAsync(Token);
        await AskAsync(client, "SELECT 'served'");
        var old = bouncer.Pid;
        await File.AppendAllTextAsync(bouncer.ConfigFile, "no_such_setting = 1\n", Token);

        var error = await Assert.ThrowsAsync<PgClusterException>(() => RestartOf(bouncer).RunAsync(mayDrop: false));

        Assert.Equal(Reason.RolledBack, error.Reason);
        Assert.Contains("no_such_setting", error.Message, StringComparison.Ordinal);
        Assert.Equal(old, bouncer.Pid);
        await AskAsync(client, "SELECT 'served'");
        await transaction.CommitAsync(Token);
    }

    /// <summary>A client that is half way through its login keeps PgBouncer from handing over; after suspend_timeout it would drop it.</summary>
    [Fact]
    public async Task Takeover_that_would_cost_a_client_its_connection_is_taken_back_in_time()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, more: Log + "suspend_timeout = 2\n");
        await using var client = await bouncer.OpenClientAsync();
        await AskAsync(client, "SELECT 'served'");
        using var half = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await half.ConnectAsync(IPAddress.Loopback, bouncer.Port, Token);
        await half.SendAsync(new byte[3], Token);
        await using var console = await bouncer.OpenRawAsync();
        await Poll.UntilAsync("it is on its way in", async () =>
        {
            var lists = await console.QueryAsync("SHOW LISTS", Token);
            return Enumerable.Range(0, lists.RowCount).Any(row => lists.Text(row, "list") == "login_clients" && lists.Number(row, "items") == 1);
        });
        var old = bouncer.Pid;
        var running = RestartOf(bouncer).RunAsync(mayDrop: false);
        await AskAsync(client, "SELECT 'served'");
        var error = await Assert.ThrowsAsync<PgClusterException>(() => running);

        Assert.Equal(Reason.RolledBack, error.Reason);
        Assert.Equal(old, bouncer.Pid);
        Assert.False(half.Poll(TimeSpan.Zero, SelectMode.SelectRead), "the half of a client was dropped");
        await AskAsync(client, "SELECT 'served'");
        half.Close();
        await RestartOf(bouncer).RunAsync(mayDrop: false);
        Assert.NotEqual(old, bouncer.Pid);
        await AskAsync(client, "SELECT 'served'");
    }

    [Fact]
    public async Task While_clients_wait_for_a_server_nothing_is_begun()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, databases: "app = host=127.0.0.1 port={0} dbname=postgres pool_size=1", more: Log);
        await using var holder = await bouncer.OpenClientAsync();
        await using var transaction = await holder.BeginTransactionAsync(Token);
        await AskAsync(holder, "SELECT 'held'");
        await using var waiter = await bouncer.OpenClientAsync();
        var waiting = AskAsync(waiter, "SELECT 'served'");
        await using var console = bouncer.Console();
        await Poll.UntilAsync("it waits", async () => (await console.GetCountsAsync(Token)).ClientsWaiting == 1);

        var error = await Assert.ThrowsAsync<PgClusterException>(() => RestartOf(bouncer).WaitUntilCalmAsync(mayDrop: false, Token));

        Assert.Equal(Reason.PreflightFailed, error.Reason);
        Assert.Contains("1 of its clients wait", error.Message, StringComparison.Ordinal);
        await transaction.CommitAsync(Token);
        Assert.Equal("served", await waiting);
    }

    [Fact]
    public async Task Clients_under_tls_are_counted_kept_from_harm_and_dropped_when_that_is_asked_for()
    {
        using var certificates = new TestCertificates(IPAddress.Loopback);
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, more: Log + "client_tls_sslmode = allow\nclient_tls_cert_file = {0}/server.crt\nclient_tls_key_file = {0}/server.key\n", before: async directory =>
        {
            await File.WriteAllTextAsync(Path.Combine(directory, "server.crt"), await File.ReadAllTextAsync(certificates.Server.CertFile!, Token), Token);
            await File.WriteAllTextAsync(Path.Combine(directory, "server.key"), await File.ReadAllTextAsync(certificates.Server.KeyFile!, Token), Token);
        });
        await using var plain = new NpgsqlConnection(PostgresInstance.ConnectionString(bouncer.Port, "app") + ";SSL Mode=Disable;Password=" + PgBouncerServer.Password);
        await plain.OpenAsync(Token);
        await AskAsync(plain, "SELECT 'served'");
        await using var secret = new NpgsqlConnection(PostgresInstance.ConnectionString(bouncer.Port, "app") + ";SSL Mode=Require;Password=" + PgBouncerServer.Password);
        await secret.OpenAsync(Token);
        await AskAsync(secret, "SELECT 'served'");

        await AssertRefusedAsync(bouncer, Reason.PreflightFailed, "1 of its 2 clients would be dropped");
        await AskAsync(secret, "SELECT 'served'");
        var result = await RestartOf(bouncer).RunAsync(mayDrop: true);

        Assert.Equal((2, 1, 1), (result.Clients, result.ClientsKept, result.Dropped));
        await AskAsync(plain, "SELECT 'served'");
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => AskAsync(secret, "SELECT 'served'"));
    }

    private static PgBouncerRestart RestartOf(PgBouncerServer bouncer, bool socket = false) =>
        new("demo", "app", socket ? bouncer.Socket : bouncer.Tcp, PgBouncerServer.Admin, PgBouncerServer.Password, TimeProvider.System);

    private static async Task AssertRefusedAsync(PgBouncerServer bouncer, Reason reason, string word)
    {
        foreach (var socket in new[] { true, false })
        {
            foreach (var refused in new[] { () => RestartOf(bouncer, socket).PlanAsync(false, Token), () => RestartOf(bouncer, socket).RunAsync(false) })
            {
                var error = await Assert.ThrowsAsync<PgClusterException>(refused);
                Assert.Equal(reason, error.Reason);
                Assert.True(error.Message.Contains(word, StringComparison.Ordinal), error.Message);
            }
        }
    }

    private static async Task<string> AskAsync(NpgsqlConnection client, string sql)
    {
        await using var command = new NpgsqlCommand(sql, client);
        return (string)(await command.ExecuteScalarAsync(Token))!;
    }
}
