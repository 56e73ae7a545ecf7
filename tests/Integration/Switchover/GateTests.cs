using System.Collections.Concurrent;
using Npgsql;
using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Switchover;
using PgCluster.Switchover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

[Collection(SwitchoverGroup.Name)]
public sealed class GateTests(PostgresInstance postgres)
{
    private const string Refusal = "refusing to connect to stale database (pgcluster_switchover.state has use_next_db set)";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("read committed")]
    [InlineData("repeatable read")]
    [InlineData("serializable")]
    public async Task Sixteen_writers_move_without_an_error_and_every_write_lands_on_one_side(string isolation)
    {
        await using var pair = await PairAsync($"default_transaction_isolation = '{isolation}'");
        await using var source = new SwitchoverDataSource(pair.Options(new()));
        await DatabasePair.SetAsync(pair.Current, "in_progress");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var written = new ConcurrentBag<(Guid Id, bool IsNext)>();
        var writers = Enumerable.Range(0, 16).Select(_ => WriteAsync()).ToList();
        await Poll.UntilAsync("writes on the current side", () => written.Count > 200);

        string? before;
        await using (var connection = await pair.Current.OpenConnectionAsync(Token))
        {
            await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.ReadCommitted, Token);
            var guards = new SwitchoverGuards(new());
            await guards.HoldAsync(connection, SwitchoverGuard.InProgress, Token);
            await guards.HoldAsync(connection, SwitchoverGuard.StopTheWorld, Token);
            await Poll.UntilAsync("writers wait", async () => await WaitingAsync(pair.Current) >= 8);
            Assert.Equal("0", await DatabasePair.ScalarAsync(pair.Next, "select count(*) from t"));
            before = await DatabasePair.ScalarAsync(pair.Current, "select count(*) from t");
            await SwitchoverObjects.MoveAsync(connection, SwitchoverPointer.InProgress, SwitchoverPointer.UseNextDb, Token);
            await transaction.CommitAsync(Token);
        }

        await Poll.UntilAsync("writes on the next side", () => written.Count(write => write.IsNext) > 200);
        await stop.CancelAsync();
        await Task.WhenAll(writers);

        // Nothing may come after what the final sync has seen.
        Assert.Equal(before, await DatabasePair.ScalarAsync(pair.Current, "select count(*) from t"));
        Assert.True(source.IsSwitched);
        Assert.Equal(written.Where(write => !write.IsNext).Select(write => write.Id).Order(), await IdsAsync(pair.Current));
        Assert.Equal(written.Where(write => write.IsNext).Select(write => write.Id).Order(), await IdsAsync(pair.Next));
        await using var after = await source.OpenConnectionAsync(Token);
        Assert.True(after.IsNext);

        async Task WriteAsync()
        {
            while (!stop.IsCancellationRequested)
            {
                var id = Guid.NewGuid();
                await using var connection = await source.OpenConnectionAsync(CancellationToken.None);
                await using var command = new NpgsqlCommand("insert into t values ($1)", connection.Npgsql) { Parameters = { new() { Value = id } } };
                await command.ExecuteNonQueryAsync(CancellationToken.None);
                written.Add((id, connection.IsNext));
            }
        }
    }

    [Fact]
    public async Task SW_13_a_connection_in_use_makes_the_final_sync_fail_and_flips_nothing()
    {
        await using var pair = await PairAsync();
        await DatabasePair.SetAsync(pair.Current, "in_progress");
        await using var source = new SwitchoverDataSource(pair.Options(new()));
        await using var inUse = await source.OpenConnectionAsync(Token);
        await using var connection = await pair.Current.OpenConnectionAsync(Token);
        await using var transaction = await connection.BeginTransactionAsync(Token);

        var guards = new SwitchoverGuards(new() { LockTimeout = TimeSpan.FromMilliseconds(200) });
        var error = await Assert.ThrowsAsync<PgClusterException>(() => guards.HoldAsync(connection, SwitchoverGuard.StopTheWorld, Token));

        Assert.Equal("55P03", Assert.IsType<PostgresException>(error.InnerException).SqlState);
        Assert.Equal(Reason.BlockedBySessions, error.Reason);
        await transaction.RollbackAsync(Token);
        Assert.Equal("in_progress", await DatabasePair.StateAsync(pair.Current));
        Assert.False((await source.OpenConnectionAsync(Token)).IsNext);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("transaction")]
    [InlineData("failed transaction")]
    [InlineData("open reader")]
    [InlineData("not disposed transaction")]
    [InlineData("broken")]
    [InlineData("synchronous")]
    public async Task A_connection_that_is_closed_holds_nothing(string how)
    {
        await using var pair = await PairAsync();
        await using var source = new SwitchoverDataSource(pair.Options(new()));
        var connection = await source.OpenConnectionAsync(Token);
        Assert.Equal("1", await HeldAsync(pair.Current));
        switch (how)
        {
            case "transaction":
                await ExecuteAsync(connection, "begin");
                await ExecuteAsync(connection, "insert into t values (gen_random_uuid())");
                break;
            case "not disposed transaction":
                _ = await connection.BeginTransactionAsync(Token);
                await ExecuteAsync(connection, "insert into t values (gen_random_uuid())");
                break;
            case "failed transaction":
                await ExecuteAsync(connection, "begin");
                await Assert.ThrowsAsync<PostgresException>(() => ExecuteAsync(connection, "select 1 / 0"));
                break;
            case "open reader":
                var command = connection.Npgsql.CreateCommand();
                command.CommandText = "select generate_series(1, 100000)";
                await (await command.ExecuteReaderAsync(Token)).ReadAsync(Token);
                break;
            case "broken":
                await postgres.ExecuteAsync($"select pg_terminate_backend({connection.Npgsql.ProcessID})");
                break;
            default:
                break;
        }

        if (how == "synchronous")
        {
            connection.Dispose();
        }
        else
        {
            await connection.DisposeAsync();
        }

        await Poll.UntilAsync("the lock is released", async () => await HeldAsync(pair.Current) == "0");
        Assert.Equal("0", await DatabasePair.ScalarAsync(pair.Current, "select count(*) from t"));
        await using var again = await source.OpenConnectionAsync(Token);
        await ExecuteAsync(again, "insert into t values (gen_random_uuid())");
        Assert.Equal("1", await DatabasePair.ScalarAsync(pair.Current, "select count(*) from t"));
    }

    [Fact]
    public async Task SW_2_A_check_out_that_fails_says_why_and_holds_nothing_after()
    {
        await using var pair = await PairAsync();
        var limits = new SwitchoverLimits
        {
            LockTimeout = TimeSpan.FromMilliseconds(100),
            IdleInTransactionTimeout = TimeSpan.FromMilliseconds(100),
            GateTimeout = TimeSpan.FromMilliseconds(500),
        };
        await using var source = new SwitchoverDataSource(pair.Options(limits));
        await (await source.OpenConnectionAsync(Token)).DisposeAsync();
        await using var stopper = await pair.Current.OpenConnectionAsync(Token);
        await using var transaction = await stopper.BeginTransactionAsync(Token);
        await new NpgsqlCommand("select pg_advisory_xact_lock(4369)", stopper).ExecuteNonQueryAsync(Token);

        Assert.Equal(Reason.StepTimeout, (await Assert.ThrowsAsync<PgClusterException>(async () => await source.OpenConnectionAsync(Token))).Reason);

        Assert.Equal("0", await WaitingTextAsync(pair.Current));
        await transaction.RollbackAsync(Token);
        await (await source.OpenConnectionAsync(Token)).DisposeAsync();
        Assert.Equal("0", await HeldAsync(pair.Current));
    }

    [Fact]
    public async Task The_pointer_is_followed_back_and_two_databases_out_of_charge_are_refused()
    {
        await using var pair = await PairAsync();
        await using var source = new SwitchoverDataSource(pair.Options(new()));
        Assert.False(await OpensNextAsync());
        await DatabasePair.SetAsync(pair.Current, "use_next_db");
        Assert.True(await OpensNextAsync());

        await DatabasePair.SetAsync(pair.Current, "idle");
        await DatabasePair.SetAsync(pair.Next, "use_next_db");
        Assert.False(await OpensNextAsync());
        Assert.False(source.IsSwitched);

        await DatabasePair.SetAsync(pair.Current, "use_next_db");
        var error = await Assert.ThrowsAsync<PgClusterException>(OpensNextAsync);
        Assert.Equal(Reason.StaleDatabase, error.Reason);
        Assert.Contains("both have use_next_db set", error.Message, StringComparison.Ordinal);
        Assert.Equal("0", await HeldAsync(pair.Current));
        Assert.Equal("0", await HeldAsync(pair.Next));

        async Task<bool> OpensNextAsync()
        {
            await using var connection = await source.OpenConnectionAsync(Token);
            return connection.IsNext;
        }
    }

    [Fact]
    public async Task SW_20_a_stale_database_is_refused()
    {
        await using var pair = await PairAsync();
        await using var alone = new SwitchoverDataSource(SwitchoverDataSourceOptions.For(pair.CurrentString, null, "1.0.0"));
        await StaleDatabase.EnsureCurrentAsync(pair.Current, Token);
        await (await alone.OpenConnectionAsync(Token)).DisposeAsync();

        await DatabasePair.SetAsync(pair.Current, "use_next_db");

        Func<Task>[] starts = [() => StaleDatabase.EnsureCurrentAsync(pair.Current, Token), async () => await alone.OpenConnectionAsync(Token)];
        foreach (var start in starts)
        {
            var error = await Assert.ThrowsAsync<PgClusterException>(start);
            Assert.Equal((Reason.StaleDatabase, Refusal), (error.Reason, error.Message));
        }

        await using var connection = await pair.Current.OpenConnectionAsync(Token);
        await SwitchoverObjects.RemoveAsync(connection, Token);
        await StaleDatabase.EnsureCurrentAsync(pair.Current, Token);
        Assert.Equal(Reason.InvalidConfiguration, (await Assert.ThrowsAsync<PgClusterException>(async () => await alone.OpenConnectionAsync(Token))).Reason);
    }

    [Fact]
    public async Task Connections_carry_the_mark_of_their_type()
    {
        await using var pair = await PairAsync();
        var options = pair.Options(new());
        await using var source = new SwitchoverDataSource(options);
        await using var participant = await source.StartParticipantAsync(new PauseGroup(), Token);
        await using var first = await source.OpenConnectionAsync(Token);
        Assert.Equal("AB", await TypesAsync(pair.Current, isNext: false));
        await DatabasePair.SetAsync(pair.Current, "use_next_db");
        await using var second = await source.OpenConnectionAsync(Token);
        Assert.Equal("CD", await TypesAsync(pair.Next, isNext: true));

        async Task<string> TypesAsync(NpgsqlDataSource database, bool isNext)
        {
            await using var connection = await database.OpenConnectionAsync(Token);
            var own = (await SwitchoverObjects.ReadConnectionsAsync(connection, isNext, Token)).Select(c => StatusAggregator.Identify(c))
                .Where(pair => pair.Node == options.Id.ToString()).Select(pair => pair.Connection).ToList();
            Assert.Null(NodeValidation.CheckConnections(own));
            return string.Concat(own.Select(c => c.Type).Order(StringComparer.Ordinal));
        }
    }

    [Theory]
    [InlineData("transaction", false)]
    [InlineData("session", true)]
    public async Task A_pooler_is_accepted_in_session_mode_only(string mode, bool accepted)
    {
        await using var pair = await PairAsync();
        var target = new NpgsqlConnectionStringBuilder(pair.CurrentString);
        await using var bouncer = await PgBouncerServer.StartAsync(
            postgres, mode, databases: $"app = host=127.0.0.1 port={{0}} dbname={target.Database} user={DatabasePair.Role}");
        var through = new NpgsqlConnectionStringBuilder(pair.CurrentString)
        {
            Port = bouncer.Port, Database = "app", Username = PgBouncerServer.Admin, Password = PgBouncerServer.Password,
        }.ConnectionString;
        await using var source = new SwitchoverDataSource(SwitchoverDataSourceOptions.For(through, null, "1.0.0"));

        if (accepted)
        {
            var connection = await source.OpenConnectionAsync(Token);
            Assert.Equal("1", await HeldAsync(pair.Current));
            await connection.DisposeAsync();
        }
        else
        {
            var error = await Assert.ThrowsAsync<PgClusterException>(async () => await source.OpenConnectionAsync(Token));
            Assert.Equal(Reason.InvalidConfiguration, error.Reason);
            Assert.Contains("transaction or statement mode", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal("0", await HeldAsync(pair.Current));
    }

    [Theory]
    [InlineData("Host=h;Multiplexing=true", Reason.InvalidConfiguration)]
    [InlineData("Host=h;Nonsense=secret", Reason.InvalidArgument)]
    [InlineData("postgresql://h:secret/x", Reason.InvalidArgument)]
    public void An_address_that_cannot_work_is_refused_without_its_text(string address, Reason expected)
    {
        var error = Assert.Throws<PgClusterException>(() => new SwitchoverDataSource(SwitchoverDataSourceOptions.For(address, null, "1.0.0")));

        Assert.Equal(expected, error.Reason);
        Assert.DoesNotContain("secret", error.ToString(), StringComparison.Ordinal);
    }

    private async Task<DatabasePair> PairAsync(params string[] settings)
    {
        var pair = await DatabasePair.CreateAsync(postgres, settings);
        foreach (var database in new[] { pair.Current, pair.Next })
        {
            await DatabasePair.ExecuteAsync(database, "create table t (id uuid primary key)");
        }

        return pair;
    }

    private static async Task<List<Guid>> IdsAsync(NpgsqlDataSource database)
    {
        await using var command = database.CreateCommand("select coalesce(array_agg(id), '{}') from t");
        return [.. ((Guid[])(await command.ExecuteScalarAsync(Token))!).Order()];
    }

    private static Task<string?> HeldAsync(NpgsqlDataSource database) => LocksAsync(database, "granted");

    private static Task<string?> WaitingTextAsync(NpgsqlDataSource database) => LocksAsync(database, "not granted");

    private static async Task<int> WaitingAsync(NpgsqlDataSource database) =>
        int.Parse((await WaitingTextAsync(database))!, System.Globalization.CultureInfo.InvariantCulture);

    private static Task<string?> LocksAsync(NpgsqlDataSource database, string which) => DatabasePair.ScalarAsync(
        database,
        $"select count(*) from pg_locks where locktype = 'advisory' and objid = 4369 and mode = 'ShareLock' and {which} "
        + "and database = (select oid from pg_database where datname = current_database())");

    private static async Task ExecuteAsync(SwitchoverConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync(Token);
    }
}
