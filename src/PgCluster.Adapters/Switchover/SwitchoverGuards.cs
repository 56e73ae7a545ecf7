using System.Globalization;
using Npgsql;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// Guards as SQL: each takes its locks, checks and fails inside one statement of one round trip, by RAISE, which no server setting turns off.
/// </summary>
public sealed class SwitchoverGuards
{
    /// <summary>SQLSTATE of a guard that met a migration.</summary>
    public const string Migrating = "SW001";

    /// <summary>SQLSTATE of a guard that met another executor.</summary>
    public const string ExecutorBusy = "SW002";

    /// <summary>SQLSTATE of a guard that did not find the state it needs.</summary>
    public const string WrongState = "SW003";

    /// <summary>SQLSTATE of a guard that found the pointer flipped.</summary>
    public const string Stale = "SW004";

    private readonly SwitchoverLimits _limits;

    /// <summary>Makes the guards of a switchover.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>: limits that do not go together.</exception>
    public SwitchoverGuards(SwitchoverLimits limits)
    {
        limits.Validate();
        _limits = limits;
    }

    /// <summary>The statement, to be put into a batch before what it guards. Those of a transaction belong into an explicit one.</summary>
    public string this[SwitchoverGuard guard] => guard switch
    {
        SwitchoverGuard.InProgress => Block(
            _limits.GuardLockTimeout, _limits.GuardIdleTimeout, isLocal: true,
            Try("pg_try_advisory_xact_lock_shared", _limits.MigrationLock, Migrating, "a migration is running"),
            Try("pg_try_advisory_xact_lock", _limits.ExecutorLock, ExecutorBusy, "somebody else executes a switchover"),
            State("= 'in_progress'")),
        SwitchoverGuard.StopTheWorld => Block(
            _limits.LockTimeout, _limits.IdleInTransactionTimeout, isLocal: true,
            Try("pg_try_advisory_xact_lock_shared", _limits.MigrationLock, Migrating, "a migration is running"),
            Wait("pg_advisory_xact_lock", _limits.GlobalLock),
            State("= 'in_progress'")),
        SwitchoverGuard.Session => Block(
            _limits.GuardLockTimeout, _limits.GuardIdleTimeout, isLocal: false,
            Try("pg_try_advisory_lock_shared", _limits.MigrationLock, Migrating, "a migration is running"),
            Try("pg_try_advisory_lock", _limits.ExecutorLock, ExecutorBusy, "somebody else executes a switchover"),
            State("<> 'use_next_db'")),
        _ => Block(
            _limits.GuardLockTimeout, _limits.GuardIdleTimeout, isLocal: false,
            Try("pg_try_advisory_lock_shared", _limits.MigrationLock, Migrating, "a migration is running"),
            Wait("pg_advisory_lock", _limits.ExecutorLock),
            State("<> 'use_next_db'")),
    };

    /// <summary>Runs a guard on its own.</summary>
    /// <exception cref="PgClusterException">As <see cref="Explain"/> has it.</exception>
    public async Task HoldAsync(NpgsqlConnection connection, SwitchoverGuard guard, CancellationToken cancellationToken)
    {
        // The guard's own lock_timeout bounds it; the driver's would cut it short.
        var command = new NpgsqlCommand(this[guard], connection) { CommandTimeout = 0 };
        await using (command.ConfigureAwait(false))
        {
            try
            {
                await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (PostgresException exception) when (Explain(exception) is { } known)
            {
                throw known;
            }
        }
    }

    /// <summary>
    /// What a guard's failure means: <see cref="Reason.LockHeld"/> for a migration or another executor, <see cref="Reason.StaleDatabase"/> or
    /// <see cref="Reason.SwitchoverNotReady"/> for the state, <see cref="Reason.BlockedBySessions"/> for a lock that did not come in time (55P03),
    /// <see cref="Reason.InvalidConfiguration"/> for a database without the objects; null when it is another error.
    /// </summary>
    public static PgClusterException? Explain(PostgresException exception) => exception.SqlState switch
    {
        Migrating or ExecutorBusy => new(Reason.LockHeld, $"The switchover cannot go on: {exception.MessageText}.", exception),
        WrongState => new(Reason.SwitchoverNotReady, $"The switchover cannot go on: {exception.MessageText}.", exception),
        Stale => new(Reason.StaleDatabase, $"The switchover cannot go on: {exception.MessageText}.", exception),
        SwitchoverSql.LockNotAvailable => new(
            Reason.BlockedBySessions, "The switchover cannot go on: connections in use did not finish within the lock timeout; nothing changed.", exception),
        SwitchoverSql.UndefinedTable => new(
            Reason.InvalidConfiguration, $"The database has no schema {SwitchoverSql.Schema}: no switchover was prepared in it.", exception),
        _ => null,
    };

    private static string Block(TimeSpan lockTimeout, TimeSpan idleTimeout, bool isLocal, params ReadOnlySpan<string> checks) => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        do $guard$
        declare found text;
        begin
          perform set_config('lock_timeout', '{Milliseconds(lockTimeout)}', {(isLocal ? "true" : "false")});
          perform set_config('idle_in_transaction_session_timeout', '{Milliseconds(idleTimeout)}', {(isLocal ? "true" : "false")});
        {string.Join('\n', checks)}
        end $guard$
        """);

    private static string Try(string function, long number, string sqlState, string message) => string.Create(
        CultureInfo.InvariantCulture,
        $"  if not {function}({number}) then raise exception using errcode = '{sqlState}', message = '{message}'; end if;");

    private static string Wait(string function, long number) => string.Create(CultureInfo.InvariantCulture, $"  perform {function}({number});");

    private static string State(string condition) => $"""
          select current_state into found from {SwitchoverSql.Schema}.state;
          if found is null or not found {condition} then
            raise exception using
              errcode = case when found = 'use_next_db' then '{Stale}' else '{WrongState}' end,
              message = 'switchover state is ' || coalesce(found, 'missing');
          end if;
        """;

    private static long Milliseconds(TimeSpan time) => (long)Math.Ceiling(time.TotalMilliseconds);
}
