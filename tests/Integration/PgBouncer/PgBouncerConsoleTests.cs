using System.Diagnostics;
using Npgsql;
using PgCluster.Adapters.PgBouncer;
using PgCluster.Engine.Pooling;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.PgBouncer;

[Collection(PgBouncerGroup.Name)]
public sealed class PgBouncerConsoleTests(PostgresInstance postgres)
{
    private const string OnDemand = "* = host=127.0.0.1 port={0}";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task PG_19_pause_of_a_session_pool_in_use_ends_with_its_deadline_and_is_lifted(bool socket)
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, poolMode: "session");
        await using var console = bouncer.Console(socket);
        await using var old = await bouncer.OpenClientAsync();
        await SelectAsync(old);

        var error = await Assert.ThrowsAsync<PgClusterException>(() => PauseAsync(console, TimeSpan.FromMilliseconds(250)));

        Assert.Equal(Reason.PauseTimeout, error.Reason);
        await AssertServesAsync(bouncer, console);
        await SelectAsync(old);
    }

    [Fact]
    public async Task PG_20_pause_and_resume_may_be_repeated()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();

        await PauseAsync(console);
        await PauseAsync(console);
        await bouncer.WaitForLogAsync("already suspended/paused");
        await AssertPausedAsync(console);

        await console.ResumeAsync(Token);
        await console.ResumeAsync(Token);
        await AssertServesAsync(bouncer, console);
    }

    [Fact]
    public async Task Settings_are_read_as_pgbouncer_has_them()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await SetAsync(bouncer, "query_timeout = '7.5'");
        await SetAsync(bouncer, "tcp_user_timeout = 1500");

        Assert.Equal(
            new PoolerSettings { QueryWaitTimeoutSeconds = 120, QueryTimeoutSeconds = 7.5, ServerLoginRetrySeconds = 0, TcpUserTimeoutMilliseconds = 1500 },
            (await console.GetCountsAsync(Token)).Settings);
    }

    /// <summary>What the checkup warns of: a query that is short enough is given up because its client had to wait before.</summary>
    [Theory]
    [InlineData("query_timeout = 2", 2.5)]
    [InlineData("query_wait_timeout = 2", 4)]
    public async Task A_pause_that_lasts_longer_than_pgbouncer_lets_clients_wait_costs_them_their_query(string setting, double seconds)
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await SetAsync(bouncer, setting);
        await using var console = bouncer.Console();
        await using var client = await bouncer.OpenClientAsync();
        await SelectAsync(client);
        await using var command = new NpgsqlCommand("SELECT pg_sleep(1)", client);
        await command.ExecuteScalarAsync(Token);
        await PauseAsync(console);
        var began = Stopwatch.GetTimestamp();
        var waiting = command.ExecuteScalarAsync(Token);
        await Poll.UntilAsync("the client has waited too long", () => waiting.IsCompleted || Stopwatch.GetElapsedTime(began) > TimeSpan.FromSeconds(seconds));
        await console.ResumeAsync(Token);

        await Assert.ThrowsAnyAsync<NpgsqlException>(() => waiting);
    }

    private static async Task SetAsync(PgBouncerServer bouncer, string setting)
    {
        await using var raw = await bouncer.OpenRawAsync();
        (await raw.QueryAllAsync([$"SET {setting}"], Token))[0].ThrowIfError();
    }

    [Fact]
    public async Task PG_23_databases_are_shown_with_what_they_lead_to()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await using var client = await bouncer.OpenClientAsync();
        await SelectAsync(client);

        var databases = await console.ShowDatabasesAsync(Token);

        Assert.Equal(
            [
                new PoolerDatabase("app", "127.0.0.1", postgres.Port, "postgres", null, 1, false, false),
                new PoolerDatabase("pgbouncer", null, bouncer.Port, "pgbouncer", "statement", 0, false, false),
            ],
            databases.OrderBy(database => database.Name));
    }

    [Fact]
    public async Task Kill_frees_clients_of_a_server_that_answers_no_more_and_serves_the_next_ones()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await using var hung = await bouncer.OpenClientAsync();
        await using var command = new NpgsqlCommand("SELECT pg_backend_pid()", hung);
        var backend = (int)(await command.ExecuteScalarAsync(Token))!;
        Assert.Equal(new PoolerServer("app", "127.0.0.1", postgres.Port, InUse: false), Assert.Single(await console.ShowServersAsync(Token)));

        Assert.Equal(0, NativeMethods.Kill(backend, NativeMethods.SigStop));
        try
        {
            var waiting = SelectAsync(hung);
            await ServerProcess.WaitAsync("the query to be on its way", async () => (await console.ShowServersAsync(Token)).Single().InUse);

            await console.KillAsync(["app"], Token);

            await Assert.ThrowsAnyAsync<NpgsqlException>(() => waiting.WaitAsync(TimeSpan.FromSeconds(10), Token));
            await AssertServesAsync(bouncer, console);
        }
        finally
        {
            Assert.Equal(0, NativeMethods.Kill(backend, NativeMethods.SigCont));
        }
    }

    [Fact]
    public async Task PG_24_disabled_databases_take_no_new_connections_and_keep_the_old()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await using var old = await bouncer.OpenClientAsync();
        await SelectAsync(old);

        await console.DisableAsync(null, Token);

        var error = await Assert.ThrowsAsync<PostgresException>(() => bouncer.OpenClientAsync());
        Assert.Equal("08P01", error.SqlState);
        // "database does not allow connections" in PgBouncer 1.9, another text in 1.18.
        Assert.True((await console.ShowDatabasesAsync(Token)).Single(database => database.Name == "app").Disabled);
        await SelectAsync(old);

        await console.EnableAsync("app", Token);
        await AssertServesAsync(bouncer, console);
    }

    [Fact]
    public async Task Database_that_does_not_exist_cannot_be_disabled()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();

        var error = await Assert.ThrowsAsync<PgClusterException>(() => console.DisableAsync("none", Token));

        Assert.Equal(Reason.PoolerUnreachable, error.Reason);
        await console.ShowDatabasesAsync(Token);
    }

    [Theory]
    [InlineData("trust", true)]
    [InlineData("plain", false)]
    [InlineData("md5", true)]
    [InlineData("md5", false)]
    [InlineData("scram-sha-256", true)]
    [InlineData("scram-sha-256", false)]
    public async Task Console_is_reached_by_socket_and_TCP_with_every_kind_of_login(string authType, bool socket)
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, authType: authType);
        await using var console = bouncer.Console(socket);

        await PauseAsync(console);
        await AssertPausedAsync(console);
        await console.ResumeAsync(Token);
        await AssertServesAsync(bouncer, console);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("md5")]
    [InlineData("scram-sha-256")]
    public async Task Wrong_password_is_refused_and_not_repeated_in_the_error(string authType)
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, authType: authType);
        await using var console = new PgBouncerConsole(bouncer.Tcp, PgBouncerServer.Admin, "open sesame", TimeProvider.System);

        var error = await Assert.ThrowsAsync<PgClusterException>(() => console.ShowDatabasesAsync(Token));

        Assert.Equal(Reason.PoolerUnreachable, error.Reason);
        Assert.DoesNotContain("sesame", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task User_without_the_right_to_pause_is_told_so()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = new PgBouncerConsole(bouncer.Socket, "stats", PgBouncerServer.Password, TimeProvider.System);

        // The console answers with the SQLSTATE of "already paused" and "not paused".
        Assert.Equal(Reason.PoolerUnreachable, (await Assert.ThrowsAsync<PgClusterException>(() => console.PreparePauseAsync(Token))).Reason);
        Assert.Equal(Reason.PoolerUnreachable, (await Assert.ThrowsAsync<PgClusterException>(() => console.PauseAsync(Token))).Reason);
        Assert.Equal(Reason.PoolerUnreachable, (await Assert.ThrowsAsync<PgClusterException>(() => console.ResumeAsync(Token))).Reason);
        await AssertServesAsync(bouncer, console);
    }

    [Fact]
    public async Task Idle_client_of_a_session_pool_without_a_server_does_not_keep_a_pause_waiting()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, poolMode: "session");
        await using var console = bouncer.Console();
        await using var idle = await bouncer.OpenClientAsync();

        await PauseAsync(console);
        var waiting = SelectAsync(idle);
        await WaitForWaitingAsync(console, 1);
        Assert.False(waiting.IsCompleted);

        await console.ResumeAsync(Token);
        await waiting;
    }

    [Fact]
    public async Task Pause_waits_for_a_transaction_and_is_lifted_without_harm_to_it_when_its_time_is_over()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await using var client = await bouncer.OpenClientAsync();
        await using var transaction = await client.BeginTransactionAsync(Token);
        await SelectAsync(client);

        var error = await Assert.ThrowsAsync<PgClusterException>(() => PauseAsync(console, TimeSpan.FromMilliseconds(200)));

        Assert.Equal(Reason.PauseTimeout, error.Reason);
        await AssertServesAsync(bouncer, console);
        await SelectAsync(client);
        await transaction.CommitAsync(Token);
        await SelectAsync(client);
    }

    [Fact]
    public async Task Pause_is_reached_when_the_last_transaction_ends_and_others_wait_from_its_beginning()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await using var client = await bouncer.OpenClientAsync();
        await using var other = await bouncer.OpenClientAsync();
        var transaction = await client.BeginTransactionAsync(Token);
        await SelectAsync(client);

        var pausing = PauseAsync(console);
        await ServerProcess.WaitAsync("the pause to be shown", async () => (await console.ShowDatabasesAsync(Token)).Any(database => database.Paused));
        var waiting = SelectAsync(other);
        await WaitForWaitingAsync(console, 1);
        Assert.False(pausing.IsCompleted);
        await SelectAsync(client);

        await transaction.CommitAsync(Token);
        await pausing;
        await AssertPausedAsync(console);
        Assert.False(waiting.IsCompleted);
        await console.ResumeAsync(Token);
        await waiting;
    }

    [Fact]
    public async Task Pause_whose_caller_leaves_is_lifted()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await using var client = await bouncer.OpenClientAsync();
        await using var transaction = await client.BeginTransactionAsync(Token);
        await SelectAsync(client);
        using var caller = new CancellationTokenSource();
        var pausing = console.PauseAsync(caller.Token);
        await ServerProcess.WaitAsync("the pause to be shown", async () => (await console.ShowDatabasesAsync(Token)).Any(database => database.Paused));

        await caller.CancelAsync();

        Assert.Equal(Reason.PauseTimeout, (await Assert.ThrowsAsync<PgClusterException>(() => pausing)).Reason);
        await AssertServesAsync(bouncer, console);
    }

    [Fact]
    public async Task Token_that_has_ended_already_pauses_nothing()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();

        var error = await Assert.ThrowsAsync<PgClusterException>(() => console.PauseAsync(new CancellationToken(canceled: true)));

        Assert.Equal(Reason.PauseTimeout, error.Reason);
        await AssertServesAsync(bouncer, console);
    }

    [Fact]
    public async Task Prepared_pause_needs_no_new_connection()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var relay = new Relay(bouncer.Port);
        await using var console = new PgBouncerConsole(new PgBouncerAddress("127.0.0.1", relay.Port), PgBouncerServer.Admin, PgBouncerServer.Password, TimeProvider.System);
        await console.PreparePauseAsync(Token);
        var made = relay.Made;
        await console.PreparePauseAsync(Token);

        await PauseAsync(console);
        await AssertPausedAsync(console);
        await console.ResumeAsync(Token);

        Assert.Equal((3, 3), (made, relay.Made));
        await AssertServesAsync(bouncer, console);
    }

    [Fact]
    public async Task Prepared_pause_covers_a_database_that_came_since_and_leaves_out_one_that_went()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(
            postgres, databases: "app = host=127.0.0.1 port={0} dbname=postgres\nold = host=127.0.0.1 port={0} dbname=postgres");
        await using var console = bouncer.Console();
        await console.PreparePauseAsync(Token);
        await bouncer.WriteConfigAsync($"app = host=127.0.0.1 port={postgres.Port} dbname=postgres\nlater = host=127.0.0.1 port={postgres.Port} dbname=postgres");
        await console.ReloadAsync(Token);

        await PauseAsync(console);

        Assert.Contains(await console.ShowDatabasesAsync(Token), database => database is { Name: "later", Paused: true });
        var waiting = OpenAndSelectAsync(bouncer, "later");
        await WaitForWaitingAsync(console, 1);
        Assert.False(waiting.IsCompleted);
        await console.ResumeAsync(Token);
        await waiting;
        await AssertServesAsync(bouncer, console);
    }

    [Fact]
    public async Task Prepared_connections_that_died_are_replaced_by_the_pause()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await console.PreparePauseAsync(Token);
        await bouncer.StopAsync();
        Assert.Equal(Reason.PoolerUnreachable, (await Assert.ThrowsAsync<PgClusterException>(() => console.PreparePauseAsync(Token))).Reason);
        await bouncer.StartAsync();
        await console.PreparePauseAsync(Token);
        await bouncer.StopAsync();
        await bouncer.StartAsync();

        await PauseAsync(console);
        await AssertPausedAsync(console);
        await console.ResumeAsync(Token);
        await AssertServesAsync(bouncer, console);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Token_that_ends_at_any_moment_of_a_pause_leaves_nothing_paused(bool prepared)
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, databases: "app = host=127.0.0.1 port={0} dbname=postgres\n" + OnDemand);
        await using var console = bouncer.Console();
        int reached = 0, ended = 0;
        for (var microseconds = 0; microseconds < 3000; microseconds += 50)
        {
            if (prepared)
            {
                await console.PreparePauseAsync(Token);
            }

            using var caller = new CancellationTokenSource();
            var pausing = console.PauseAsync(caller.Token);
            var began = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(began).TotalMicroseconds < microseconds)
            {
                Thread.SpinWait(10);
            }

            await caller.CancelAsync();
            try
            {
                await pausing;
                reached++;
                await console.ResumeAsync(Token);
            }
            catch (PgClusterException exception)
            {
                Assert.Equal(Reason.PauseTimeout, exception.Reason);
                ended++;
            }

            await AssertServesAsync(bouncer, console);
        }

        Assert.Equal(60, reached + ended);
        Assert.NotEqual(0, ended);
    }

    [Fact]
    public async Task Pause_whose_connections_are_cut_is_lifted_over_new_ones()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var relay = new Relay(bouncer.Port);
        await using var console = new PgBouncerConsole(new PgBouncerAddress("127.0.0.1", relay.Port), PgBouncerServer.Admin, PgBouncerServer.Password, TimeProvider.System);
        await using var client = await bouncer.OpenClientAsync();
        await using var transaction = await client.BeginTransactionAsync(Token);
        await SelectAsync(client);
        var pausing = console.PauseAsync(Token);
        await ServerProcess.WaitAsync("the pause to be shown", async () => (await console.ShowDatabasesAsync(Token)).Any(database => database.Paused));
        await bouncer.WaitForLogAsync("PAUSE command issued");

        relay.Cut();

        Assert.Equal(Reason.PoolerUnreachable, (await Assert.ThrowsAsync<PgClusterException>(() => pausing)).Reason);
        await AssertServesAsync(bouncer, console);
        await transaction.CommitAsync(Token);
    }

    [Fact]
    public async Task Kept_connection_that_was_cut_is_opened_again_without_anyone_noticing()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var relay = new Relay(bouncer.Port);
        await using var console = new PgBouncerConsole(new PgBouncerAddress("127.0.0.1", relay.Port), PgBouncerServer.Admin, PgBouncerServer.Password, TimeProvider.System);
        for (var i = 0; i < 5; i++)
        {
            await PauseAsync(console);
            relay.Cut();
            await console.ResumeAsync(Token);
            relay.Cut();
            await AssertServesAsync(bouncer, console);
        }
    }

    [Fact]
    public async Task PgBouncer_that_is_gone_is_unreachable_and_found_again_when_it_is_back()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await console.ShowDatabasesAsync(Token);

        await bouncer.StopAsync();
        var error = await Assert.ThrowsAsync<PgClusterException>(() => console.ShowDatabasesAsync(Token));
        Assert.Equal(Reason.PoolerUnreachable, error.Reason);
        Assert.Equal(bouncer.Socket.ToString(), error.Target);

        await bouncer.StartAsync();
        await AssertServesAsync(bouncer, console);
    }

    [Fact]
    public async Task Many_databases_and_names_that_need_quotes_are_paused_and_resumed_together()
    {
        const string Quoted = "My \"Db\" ''x";
        await postgres.ExecuteAsync($"CREATE DATABASE \"{Quoted.Replace("\"", "\"\"", StringComparison.Ordinal)}\"");
        var databases = string.Join('\n', Enumerable.Range(0, 150).Select(i => $"Db-{i}.X = host=127.0.0.1 port={{0}} dbname=postgres"));
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, databases: databases + '\n' + OnDemand);
        await using var console = bouncer.Console();
        await using var client = await bouncer.OpenClientAsync(Quoted);
        await SelectAsync(client);

        await PauseAsync(console);
        var shown = await console.ShowDatabasesAsync(Token);
        Assert.Equal(152, shown.Count);
        Assert.All(shown, database => Assert.Equal(!database.IsConsole, database.Paused));
        var waiting = SelectAsync(client);
        await WaitForWaitingAsync(console, 1);

        await console.ResumeAsync(Token);
        await waiting;
        Assert.All(await console.ShowDatabasesAsync(Token), database => Assert.False(database.Paused));

        await console.DisableAsync(Quoted, Token);
        Assert.Equal([Quoted], (await console.ShowDatabasesAsync(Token)).Where(database => database.Disabled).Select(database => database.Name));
        await console.EnableAsync(null, Token);
        await client.CloseAsync();
        await postgres.ExecuteAsync($"DROP DATABASE \"{Quoted.Replace("\"", "\"\"", StringComparison.Ordinal)}\" WITH (FORCE)");
    }

    [Fact]
    public async Task Client_of_a_database_that_is_made_on_demand_during_a_pause_waits_too()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, databases: OnDemand);
        await using var console = bouncer.Console();
        await PauseAsync(console);

        var opening = OpenAndSelectAsync(bouncer, "template1");
        await WaitForWaitingAsync(console, 1);
        Assert.False(opening.IsCompleted);

        await console.ResumeAsync(Token);
        await opening;
    }

    [Fact]
    public async Task Pause_of_a_database_on_demand_that_has_vanished_from_view_is_resumed_by_a_successor()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, databases: OnDemand);
        await OpenAndSelectAsync(bouncer, "template1");
        await using (var predecessor = bouncer.Console())
        {
            await PauseAsync(predecessor);
            await ServerProcess.WaitAsync(
                "the idle database to vanish", async () => (await predecessor.ShowDatabasesAsync(Token)).All(database => database.IsConsole));
        }

        await using var successor = bouncer.Console();
        await successor.ResumeAsync(Token);

        await OpenAndSelectAsync(bouncer, "template1");
    }

    [Fact]
    public async Task Pause_left_by_somebody_else_is_joined_and_lifted()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await using (var somebody = await bouncer.OpenRawAsync())
        {
            Assert.Equal("PAUSE", (await somebody.QueryAsync("PAUSE", Token)).Tag);
        }

        await PauseAsync(console);
        await console.ResumeAsync(Token);

        await AssertServesAsync(bouncer, console);
    }

    [Fact]
    public async Task Pause_is_not_reached_while_the_pause_of_somebody_else_still_waits()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await using var client = await bouncer.OpenClientAsync();
        var transaction = await client.BeginTransactionAsync(Token);
        await SelectAsync(client);
        await using var somebody = await bouncer.OpenRawAsync();
        await somebody.SendAsync(["PAUSE"], Token);
        await bouncer.WaitForLogAsync("PAUSE command issued");

        var pausing = PauseAsync(console);
        await bouncer.WaitForLogAsync("already suspended/paused");
        Assert.False(pausing.IsCompleted);

        await transaction.CommitAsync(Token);
        await pausing;
        await console.ResumeAsync(Token);
        await AssertServesAsync(bouncer, console);
    }

    [Fact]
    public async Task Global_resume_by_somebody_else_does_not_let_clients_through()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await using var client = await bouncer.OpenClientAsync();
        await SelectAsync(client);
        await PauseAsync(console);

        await using (var somebody = await bouncer.OpenRawAsync())
        {
            Assert.Equal("RESUME", (await somebody.QueryAsync("RESUME", Token)).Tag);
        }

        var waiting = SelectAsync(client);
        await WaitForWaitingAsync(console, 1);
        await AssertPausedAsync(console);
        Assert.False(waiting.IsCompleted);
        await console.ResumeAsync(Token);
        await waiting;
    }

    [Fact]
    public async Task Pause_survives_a_reload()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await using var client = await bouncer.OpenClientAsync();
        await SelectAsync(client);
        await PauseAsync(console);
        await bouncer.WriteConfigAsync($"app = host=127.0.0.2 port={postgres.Port} dbname=postgres\nlater = host=127.0.0.2 port={postgres.Port} dbname=postgres");
        await console.ReloadAsync(Token);

        var waiting = AddressAsync(client);
        var later = OpenAndSelectAsync(bouncer, "later");
        await WaitForWaitingAsync(console, 2);
        Assert.False(waiting.IsCompleted);
        Assert.False(later.IsCompleted);

        await console.ResumeAsync(Token);
        Assert.Equal("127.0.0.2", await waiting);
        await later;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Resume_ends_a_pause_that_is_still_waiting(bool sameConsole)
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await using var another = bouncer.Console();
        await using var client = await bouncer.OpenClientAsync();
        await using var transaction = await client.BeginTransactionAsync(Token);
        await SelectAsync(client);
        var pausing = PauseAsync(console, TimeSpan.FromSeconds(sameConsole ? 60 : 1));
        await bouncer.WaitForLogAsync("PAUSE command issued");

        await (sameConsole ? console : another).ResumeAsync(Token);
        await AssertServesAsync(bouncer, console);

        // PgBouncer owes the call an answer for ever now: it must end all the same.
        var error = await Assert.ThrowsAsync<PgClusterException>(() => pausing.WaitAsync(TimeSpan.FromSeconds(20), Token));
        Assert.Equal(Reason.PauseTimeout, error.Reason);
        await AssertServesAsync(bouncer, console);
    }

    [Fact]
    public async Task Sixteen_writers_paused_and_resumed_again_and_again_see_no_error()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();
        await postgres.ExecuteAsync("DROP TABLE IF EXISTS writes; CREATE TABLE writes (writer int, n int)");
        using var stop = new CancellationTokenSource();
        var commits = new int[16];
        var writers = Enumerable.Range(0, commits.Length).Select(writer => Task.Run(() => WriteAsync(writer), Token)).ToArray();
        await ServerProcess.WaitAsync("every writer to write", () => Task.FromResult(commits.All(count => Volatile.Read(in count) > 0)));

        for (var round = 0; round < 20; round++)
        {
            await PauseAsync(console);
            Assert.Equal(0, (await console.GetCountsAsync(Token)).ServersActive);
            var before = await CountAsync();
            await WaitForWaitingAsync(console, commits.Length);
            Assert.Equal(before, await CountAsync());
            await console.ResumeAsync(Token);
            await ServerProcess.WaitAsync("writes after the pause", async () => await CountAsync() > before);
        }

        await stop.CancelAsync();
        await Task.WhenAll(writers);
        Assert.Equal(commits.Sum(), await CountAsync());

        async Task WriteAsync(int writer)
        {
            await using var connection = await bouncer.OpenClientAsync();
            while (!stop.IsCancellationRequested)
            {
                await using var command = new NpgsqlCommand($"INSERT INTO writes VALUES ({writer}, {commits[writer]})", connection);
                await command.ExecuteNonQueryAsync(CancellationToken.None);
                Interlocked.Increment(ref commits[writer]);
            }
        }

        async Task<long> CountAsync()
        {
            await using var connection = new NpgsqlConnection(PostgresInstance.ConnectionString(postgres.Port, "postgres"));
            await connection.OpenAsync(Token);
            await using var command = new NpgsqlCommand("SELECT count(*) FROM writes", connection);
            return (long)(await command.ExecuteScalarAsync(Token))!;
        }
    }

    [Fact]
    public async Task Counts_say_who_is_served_and_who_waits()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres, poolMode: "session");
        await using var console = bouncer.Console();
        await using var client = await bouncer.OpenClientAsync();
        await SelectAsync(client);

        var counts = await console.GetCountsAsync(Token);

        Assert.Equal((1, 0, 1, "session"), (counts.ClientsActive, counts.ClientsWaiting, counts.ServersActive, counts.DefaultPoolMode));
        Assert.Matches(@"^\d+\.\d+\.\d+$", counts.Version);
    }

    [Fact]
    public async Task Calls_at_the_same_time_do_not_mix_their_answers()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();

        await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            if (i % 2 == 0)
            {
                Assert.Equal(2, (await console.ShowDatabasesAsync(Token)).Count);
            }
            else
            {
                Assert.Equal("transaction", (await console.GetCountsAsync(Token)).DefaultPoolMode);
            }
        }));
    }

    [Fact]
    public async Task Call_whose_token_ends_leaves_the_console_usable()
    {
        await using var bouncer = await PgBouncerServer.StartAsync(postgres);
        await using var console = bouncer.Console();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => console.ReloadAsync(new CancellationToken(canceled: true)));

        await AssertServesAsync(bouncer, console);
    }

    private static async Task PauseAsync(PgBouncerConsole console, TimeSpan? timeout = null)
    {
        using var budget = CancellationTokenSource.CreateLinkedTokenSource(Token);
        budget.CancelAfter(timeout ?? TimeSpan.FromSeconds(20));
        await console.PauseAsync(budget.Token);
    }

    private static async Task AssertPausedAsync(PgBouncerConsole console) =>
        Assert.All(await console.ShowDatabasesAsync(Token), database => Assert.Equal(!database.IsConsole, database.Paused));

    /// <summary>Nothing is paused: not as shown, and not globally, which only a client can tell.</summary>
    private static async Task AssertServesAsync(PgBouncerServer bouncer, PgBouncerConsole console)
    {
        Assert.All(await console.ShowDatabasesAsync(Token), database => Assert.False(database.Paused));
        await OpenAndSelectAsync(bouncer, "app");
    }

    private static async Task OpenAndSelectAsync(PgBouncerServer bouncer, string database)
    {
        await using var client = await bouncer.OpenClientAsync(database);
        await SelectAsync(client);
    }

    private static async Task SelectAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand("SELECT 1", connection);
        Assert.Equal(1, await command.ExecuteScalarAsync(Token));
    }

    private static async Task<string> AddressAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand("SELECT host(inet_server_addr())", connection);
        return (string)(await command.ExecuteScalarAsync(Token))!;
    }

    private static Task WaitForWaitingAsync(PgBouncerConsole console, int clients) => ServerProcess.WaitAsync(
        $"{clients} clients to wait", async () => (await console.GetCountsAsync(Token)).ClientsWaiting >= clients);
}
