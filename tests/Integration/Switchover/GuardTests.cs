using Npgsql;
using PgCluster.Adapters.Switchover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

[Collection(SwitchoverGroup.Name)]
public sealed class GuardTests(PostgresInstance postgres)
{
    private const string Locks =
        "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database()) ";

    private static readonly SwitchoverLimits Limits = new()
    {
        LockTimeout = TimeSpan.FromMilliseconds(300),
        GuardLockTimeout = TimeSpan.FromMilliseconds(300),
        IdleInTransactionTimeout = TimeSpan.FromMilliseconds(400),
    };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<SwitchoverGuard, string, string, Reason> Refusals => new()
    {
        { SwitchoverGuard.InProgress, "in_progress", "select pg_advisory_lock(4919)", Reason.LockHeld },
        { SwitchoverGuard.InProgress, "in_progress", "select pg_advisory_lock(4370)", Reason.LockHeld },
        { SwitchoverGuard.InProgress, "idle", "select 1", Reason.SwitchoverNotReady },
        { SwitchoverGuard.InProgress, "use_next_db", "select 1", Reason.StaleDatabase },
        { SwitchoverGuard.StopTheWorld, "in_progress", "select pg_advisory_lock(4919)", Reason.LockHeld },
        { SwitchoverGuard.StopTheWorld, "in_progress", "select pg_advisory_lock_shared(4369)", Reason.BlockedBySessions },
        { SwitchoverGuard.StopTheWorld, "idle", "select 1", Reason.SwitchoverNotReady },
        { SwitchoverGuard.Session, "idle", "select pg_advisory_lock(4919)", Reason.LockHeld },
        { SwitchoverGuard.Session, "idle", "select pg_advisory_lock(4370)", Reason.LockHeld },
        { SwitchoverGuard.Session, "use_next_db", "select 1", Reason.StaleDatabase },
        { SwitchoverGuard.SessionWaiting, "in_progress", "select pg_advisory_lock(4919)", Reason.LockHeld },
        { SwitchoverGuard.SessionWaiting, "in_progress", "select pg_advisory_lock(4370)", Reason.BlockedBySessions },
        { SwitchoverGuard.SessionWaiting, "use_next_db", "select 1", Reason.StaleDatabase },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task A_guard_holds_although_assertions_are_off(SwitchoverGuard guard, string state, string inTheWay, Reason expected)
    {
        await using var pair = await DatabasePair.CreateAsync(postgres, "plpgsql.check_asserts = off");
        await DatabasePair.SetAsync(pair.Current, state);
        await using var other = await pair.Current.OpenConnectionAsync(Token);
        await ExecuteAsync(other, inTheWay);
        await using var connection = await pair.Current.OpenConnectionAsync(Token);
        Assert.Equal("off", await ScalarAsync(connection, "show plpgsql.check_asserts"));
        await using var transaction = await connection.BeginTransactionAsync(Token);

        var error = await Assert.ThrowsAsync<PgClusterException>(() => new SwitchoverGuards(Limits).HoldAsync(connection, guard, Token));

        Assert.Equal(expected, error.Reason);
        await transaction.RollbackAsync(Token);
        Assert.Equal(state, await DatabasePair.StateAsync(pair.Current));
    }

    [Theory]
    [InlineData(SwitchoverGuard.InProgress, "in_progress", "300ms", "1min")]
    [InlineData(SwitchoverGuard.StopTheWorld, "in_progress", "300ms", "400ms")]
    [InlineData(SwitchoverGuard.Session, "idle", "300ms", "1min")]
    [InlineData(SwitchoverGuard.SessionWaiting, "in_progress", "300ms", "1min")]
    public async Task A_guard_that_passes_holds_its_locks_and_limits(SwitchoverGuard guard, string state, string lockTimeout, string idleTimeout)
    {
        await using var pair = await DatabasePair.CreateAsync(postgres);
        await DatabasePair.SetAsync(pair.Current, state);
        await using var connection = await pair.Current.OpenConnectionAsync(Token);
        await using var transaction = await connection.BeginTransactionAsync(Token);

        await new SwitchoverGuards(Limits).HoldAsync(connection, guard, Token);

        Assert.Equal(lockTimeout, await ScalarAsync(connection, "show lock_timeout"));
        Assert.Equal(idleTimeout, await ScalarAsync(connection, "show idle_in_transaction_session_timeout"));
        var exclusive = guard == SwitchoverGuard.StopTheWorld ? 4369 : 4370;
        Assert.Equal("f", (await DatabasePair.ScalarAsync(pair.Current, $"select left(pg_try_advisory_xact_lock_shared({exclusive})::text, 1)"))!);
        Assert.Equal("f", (await DatabasePair.ScalarAsync(pair.Current, "select left(pg_try_advisory_xact_lock(4919)::text, 1)"))!);
    }

    [Fact]
    public async Task SW_14_an_idle_final_transaction_is_ended_by_the_server_and_nothing_is_flipped()
    {
        await using var pair = await DatabasePair.CreateAsync(postgres);
        await DatabasePair.SetAsync(pair.Current, "in_progress");
        await using var connection = await pair.Current.OpenConnectionAsync(Token);
        await using var transaction = await connection.BeginTransactionAsync(Token);
        await new SwitchoverGuards(Limits).HoldAsync(connection, SwitchoverGuard.StopTheWorld, Token);
        await SwitchoverObjects.MoveAsync(connection, SwitchoverPointer.InProgress, SwitchoverPointer.UseNextDb, Token);

        // The application's wait ends when the server has ended the session, and finds the old state.
        await DatabasePair.ExecuteAsync(pair.Current, "select pg_advisory_xact_lock_shared(4369)");

        Assert.Equal("in_progress", await DatabasePair.StateAsync(pair.Current));
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => transaction.CommitAsync(Token));
    }

    [Fact]
    public async Task A_waiting_guard_passes_when_the_executor_has_gone()
    {
        await using var pair = await DatabasePair.CreateAsync(postgres);
        await DatabasePair.SetAsync(pair.Current, "in_progress");
        await using var executor = await pair.Current.OpenConnectionAsync(Token);
        await ExecuteAsync(executor, "select pg_advisory_lock(4370)");
        var control = new PostgresSwitchoverControl(pair.Current, new());
        var end = control.EndRunAsync(Token);
        await Poll.UntilAsync("the guard waits", async () =>
            await DatabasePair.ScalarAsync(pair.Current, Locks + "and objid = 4370 and not granted") == "1");
        Assert.Equal("in_progress", await DatabasePair.StateAsync(pair.Current));

        await ExecuteAsync(executor, "select pg_advisory_unlock(4370)");
        await end;

        Assert.Equal("idle", await DatabasePair.StateAsync(pair.Current));
        Assert.Equal("0", await DatabasePair.ScalarAsync(pair.Current, Locks + "and objid in (4370, 4919)"));
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Token);
    }

    private static async Task<string?> ScalarAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return (await command.ExecuteScalarAsync(Token))?.ToString();
    }
}
