using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;
using PgCluster.Adapters.Switchover;

namespace PgCluster.Switchover;

/// <summary>One of the two databases, as the gate sees it: hands out connections that hold the application's lock, and takes them back.</summary>
internal sealed class GateSide : IAsyncDisposable
{
    private const string InFailedTransaction = "25P02";
    private const string UndefinedTable = "42P01";

    /// <summary>Attempts to catch a pooler at giving one session to two clients: a busy one may hide it once.</summary>
    private const int PoolerRounds = 5;

    private readonly NpgsqlDataSource _source;
    private readonly string _lock;
    private readonly ILogger _logger;
    private volatile bool _vetted;
    private volatile bool _refused;

    internal GateSide(string name, NpgsqlDataSource source, SwitchoverLimits limits, ILogger logger)
    {
        Name = name;
        _source = source;
        _logger = logger;
        _lock = string.Create(CultureInfo.InvariantCulture, $"select pg_advisory_lock_shared({limits.GlobalLock}), pg_backend_pid()");
    }

    /// <summary>current or next.</summary>
    internal string Name { get; }

    /// <summary>Refuses a pooler that does not keep sessions apart; asks once.</summary>
    internal async Task EnsureSessionsAsync(CancellationToken cancellationToken)
    {
        if (!_vetted)
        {
            await VetAsync(cancellationToken).ConfigureAwait(false);
        }

        if (_refused)
        {
            throw Refusal();
        }
    }

    /// <summary>A connection under the lock; null when this database says that the other one is in charge.</summary>
    internal async Task<NpgsqlConnection?> TryTakeAsync(CancellationToken cancellationToken)
    {
        await EnsureSessionsAsync(cancellationToken).ConfigureAwait(false);
        var connection = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        var taken = false;
        try
        {
            taken = await LockAndLookAsync(connection, cancellationToken).ConfigureAwait(false) != SwitchoverPointer.UseNextDb;
        }
        finally
        {
            if (!taken)
            {
                await ReturnAsync(connection).ConfigureAwait(false);
            }
        }

        return taken ? connection : null;
    }

    /// <summary>
    /// Releases the lock and gives the connection back. The pool would do so too, but not before the next one uses it: the world could never be stopped.
    /// </summary>
    internal async Task ReturnAsync(NpgsqlConnection connection)
    {
        try
        {
            if (connection.State == System.Data.ConnectionState.Open)
            {
                await UnlockAsync(connection).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is NpgsqlException or InvalidOperationException or TimeoutException)
        {
            // A command still running, or a broken line: after this the connection is closed when it comes back, which ends its session and its locks.
            GateLog.NotReleased(_logger, Name, exception);
            Forget();
        }
        finally
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Closes idle connections, and those in use when they come back.</summary>
    internal void Forget() => _source.Clear();

    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private async Task<SwitchoverPointer> LockAndLookAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // Barriers make these two transactions: in one, under repeatable read by default, the second would see what was before the wait for the lock,
        // and write to a database that was left meanwhile.
        var batch = new NpgsqlBatch(connection) { EnableErrorBarriers = true, Timeout = 0 };
        await using (batch.ConfigureAwait(false))
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(_lock));
            batch.BatchCommands.Add(new NpgsqlBatchCommand($"select current_state, pg_backend_pid() from {SwitchoverObjects.Schema}.state"));
            try
            {
                var reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
                await using (reader.ConfigureAwait(false))
                {
                    await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                    var locked = reader.GetInt32(1);
                    await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
                    if (!await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                    {
                        throw NotPrepared(null);
                    }

                    RefuseUnless(reader.GetInt32(1) == locked);
                    return SwitchoverSql.ToPointer(reader.GetString(0));
                }
            }
            catch (PostgresException exception) when (exception.SqlState == UndefinedTable)
            {
                throw NotPrepared(exception);
            }
        }
    }

    private static async Task UnlockAsync(NpgsqlConnection connection)
    {
        try
        {
            await ExecuteAsync(connection, "select pg_advisory_unlock_all()").ConfigureAwait(false);
        }
        catch (PostgresException exception) when (exception.SqlState == InFailedTransaction)
        {
            // A transaction that failed and was forgotten takes no other command before its end.
            await ExecuteAsync(connection, "rollback").ConfigureAwait(false);
            await ExecuteAsync(connection, "select pg_advisory_unlock_all()").ConfigureAwait(false);
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 5 };
        await using (command.ConfigureAwait(false))
        {
            await command.ExecuteNonQueryAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Behind a pooler in transaction mode a session's lock stays with whatever server connection took it. A pooler shows in that it answers a login with
    /// a process id of its own; its mode, in that two clients get to see the same session.
    /// </summary>
    private async Task VetAsync(CancellationToken cancellationToken)
    {
        var first = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (first.ConfigureAwait(false))
        {
            if (first.ProcessID != await SessionOfAsync(first, cancellationToken).ConfigureAwait(false))
            {
                var second = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
                await using (second.ConfigureAwait(false))
                {
                    for (var round = 0; round < PoolerRounds; round++)
                    {
                        var before = await SessionOfAsync(first, cancellationToken).ConfigureAwait(false);
                        var transaction = await second.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
                        await using (transaction.ConfigureAwait(false))
                        {
                            var other = await SessionOfAsync(second, cancellationToken).ConfigureAwait(false);
                            var after = await SessionOfAsync(first, cancellationToken).ConfigureAwait(false);
                            RefuseUnless(other != before && after == before);
                        }
                    }
                }
            }
        }

        _vetted = true;
    }

    private static async Task<int> SessionOfAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand("select pg_backend_pid()", connection);
        await using (command.ConfigureAwait(false))
        {
            return (int)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
        }
    }

    private void RefuseUnless(bool ok)
    {
        if (!ok)
        {
            _refused = true;
            throw Refusal();
        }
    }

    private PgClusterException Refusal() => new(
        Reason.InvalidConfiguration,
        $"The {Name} database is reached through a pooler in transaction or statement mode, where the locks of a switchover do not hold: "
        + "connect directly, or through a pool in session mode.");

    private PgClusterException NotPrepared(Exception? cause) => new(
        Reason.InvalidConfiguration,
        $"The {Name} database does not say whether it is in charge: it has no row in {SwitchoverObjects.Schema}.state. Prepare the switchover first.", cause);
}
