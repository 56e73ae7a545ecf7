using System.Globalization;
using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// Keeps everybody from writing the tables of a database, whatever route and role they come by. First by locks, in one transaction that the server ends
/// by itself when its owner dies or hangs; then, when that transaction flips the pointer, for good by triggers that refuse. What replication
/// applies is let through, so that the old database can follow the new one.
/// </summary>
public sealed class WriteFence : IFencedSource, IAsyncDisposable
{
    internal const string TriggerName = "pgcluster_switched_over";

    // A superuser's session looks for a cycle of waits after 20 ms, and then gives way; others give way often instead.
    private static readonly TimeSpan FirstPatience = TimeSpan.FromMilliseconds(100);

    // PostgreSQL looks for deadlocks after a second of waiting, and may then end an application's transaction. We let go before.
    private static readonly TimeSpan LongestPatience = TimeSpan.FromMilliseconds(800);

    private readonly NpgsqlConnection _connection;
    private readonly IReadOnlyList<string> _relations;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _over = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private Task _alive = Task.CompletedTask;

    private WriteFence(NpgsqlConnection connection, IReadOnlyList<string> relations)
    {
        _connection = connection;
        _relations = relations;
    }

    /// <summary>Cancelled when the server has ended the session: writers go on, and nothing may rely on the fence.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Locks the tables against writes; returns when nobody writes any more.</summary>
    /// <param name="connection">The session that holds the executor's lock, outside a transaction; stays the caller's.</param>
    /// <param name="tables">The tables; partitioned parents are added.</param>
    /// <param name="limits">How long to wait for writers, and how long the server lets the transaction idle before it ends it and lets them go on.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the wait; nothing stays locked.</param>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.BlockedBySessions"/>: somebody kept writing; and what <see cref="SwitchoverGuards.Explain"/> has.
    /// </exception>
    public static async Task<WriteFence> AcquireAsync(
        NpgsqlConnection connection, IReadOnlyList<SwitchoverTable> tables, SwitchoverLimits limits, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(tables);
        ArgumentNullException.ThrowIfNull(limits);
        ArgumentNullException.ThrowIfNull(time);
        var fence = new WriteFence(connection, await WithParentsAsync(connection, tables, cancellationToken).ConfigureAwait(false));
        try
        {
            var guards = new SwitchoverGuards(limits);
            await Sql.ExecuteAsync(connection, "BEGIN; SET LOCAL statement_timeout = 0", cancellationToken).ConfigureAwait(false);
            await guards.HoldAsync(connection, SwitchoverGuard.InProgress, cancellationToken).ConfigureAwait(false);
            await guards.HoldAsync(connection, SwitchoverGuard.StopTheWorld, cancellationToken).ConfigureAwait(false);
            await fence.LockTablesAsync(limits.LockTimeout, time, cancellationToken).ConfigureAwait(false);
            fence._alive = fence.StayAliveAsync(limits.IdleInTransactionTimeout / 3, time);
            return fence;
        }
        catch
        {
            await fence.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Makes the refusal permanent and flips the pointer, in one transaction. This is the point of no return.</summary>
    /// <param name="runId">The run; the pointer flips only for it.</param>
    /// <param name="message">What a refused writer is told.</param>
    /// <param name="cancellationToken">Heard until the commit is sent.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.PlanStale"/>: the pointer is not in progress for this run; nothing was changed.</exception>
    public async Task FlipAsync(Guid runId, string message, CancellationToken cancellationToken)
    {
        await StandStillAsync().ConfigureAwait(false);
        await RefuseAsync(_connection, _relations, message, cancellationToken).ConfigureAwait(false);
        var flip = new NpgsqlCommand(
            "UPDATE pgcluster_switchover.state SET current_state = 'use_next_db', changed_at = clock_timestamp() WHERE current_state = 'in_progress' AND run_id = $1",
            _connection)
        {
            Parameters = { new NpgsqlParameter<Guid> { TypedValue = runId } },
        };
        await using (flip.ConfigureAwait(false))
        {
            if (await flip.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false) != 1)
            {
                throw new PgClusterException(Reason.PlanStale, "the source's pointer is no longer in progress for this run: it was reset meanwhile");
            }
        }

        await Sql.ExecuteAsync(_connection, "COMMIT", CancellationToken.None).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task UseAsync(Func<NpgsqlConnection, Task> use)
    {
        await _turn.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            await use(_connection).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Makes a database refuse writes to the tables; what replication applies is let through.</summary>
    internal static async Task CloseAsync(
        NpgsqlConnection connection, IReadOnlyList<SwitchoverTable> tables, string message, CancellationToken cancellationToken) =>
        await RefuseAsync(
            connection, await WithParentsAsync(connection, tables, cancellationToken).ConfigureAwait(false), message, cancellationToken).ConfigureAwait(false);

    /// <summary>Takes the refusal away: the database takes writes again.</summary>
    internal static async Task OpenAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        const string Fenced = $"""
            SELECT string_agg(format('DROP TRIGGER %I ON %s;', tgname, tgrelid::regclass), '') FROM pg_trigger
            WHERE tgname = '{TriggerName}' AND NOT tgisinternal AND tgfoid = to_regproc('pgcluster_switchover.refuse_write')
            """;
        if (await Sql.ScalarAsync(connection, Fenced, cancellationToken).ConfigureAwait(false) is { } drop)
        {
            await Sql.ExecuteAsync(connection, drop, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Lets writers go on, unless the pointer was flipped.</summary>
    public async ValueTask DisposeAsync()
    {
        await StandStillAsync().ConfigureAwait(false);
        try
        {
            await Sql.ExecuteAsync(_connection, "ROLLBACK", CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
        {
            // The server has ended the session, and its locks with it.
        }
    }

    /// <summary>The server ends a session that says nothing in its transaction, for its owner may be dead: an owner that works elsewhere says that it lives.</summary>
    private async Task StayAliveAsync(TimeSpan interval, TimeProvider time)
    {
        while (!_over.IsCancellationRequested)
        {
            await Task.Delay(interval, time, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                await UseAsync(c => _over.IsCancellationRequested ? Task.CompletedTask : Sql.ExecuteAsync(c, "SELECT", CancellationToken.None)).ConfigureAwait(false);
            }
            catch (Exception e) when (e is NpgsqlException or InvalidOperationException or TimeoutException)
            {
                await _lost.CancelAsync().ConfigureAwait(false);
                return;
            }
        }
    }

    private async Task StandStillAsync()
    {
        await _over.CancelAsync().ConfigureAwait(false);
        await _alive.ConfigureAwait(false);
    }

    private static async Task<IReadOnlyList<string>> WithParentsAsync(
        NpgsqlConnection connection, IReadOnlyList<SwitchoverTable> tables, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(
            """
            SELECT DISTINCT format('%I.%I', n.nspname, c.relname) FROM unnest($1) AS leaf, pg_partition_ancestors(to_regclass(leaf)) AS a (relid)
            JOIN pg_class c ON c.oid = a.relid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'p'
            """,
            connection)
        {
            Parameters = { new NpgsqlParameter<string[]> { TypedValue = [.. tables.Where(t => t.IsPartition).Select(t => t.Name.Sql)] } },
        };
        await using var guard = command.ConfigureAwait(false);
        var relations = tables.Select(t => t.Name.Sql).ToList();
        var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var readerGuard = reader.ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            relations.Add(reader.GetString(0));
        }

        return relations;
    }

    private static async Task RefuseAsync(NpgsqlConnection connection, IReadOnlyList<string> relations, string message, CancellationToken cancellationToken)
    {
        var body = $"""
            BEGIN
              IF pg_catalog.current_setting('{SwitchoverSession.ApplyingSetting}', true) IS DISTINCT FROM 'on' AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS a WHERE a.backend_type LIKE 'logical replication%') THEN
                RAISE EXCEPTION USING ERRCODE = 'read_only_sql_transaction', MESSAGE = {TableName.Literal(message)};
              END IF;
              RETURN NULL;
            END
            """;
        await Sql.ExecuteAsync(
            connection,
            $"CREATE OR REPLACE FUNCTION pgcluster_switchover.refuse_write() RETURNS trigger LANGUAGE plpgsql AS {TableName.Literal(body)}",
            cancellationToken).ConfigureAwait(false);
        foreach (var batch in relations.Chunk(200))
        {
            await Sql.ExecuteAsync(
                connection,
                string.Concat(batch.Select(relation =>
                    $"DROP TRIGGER IF EXISTS {TriggerName} ON {relation}; CREATE TRIGGER {TriggerName} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE "
                    + $"ON {relation} FOR EACH STATEMENT EXECUTE FUNCTION pgcluster_switchover.refuse_write();"
                    + $"ALTER TABLE {relation} ENABLE ALWAYS TRIGGER {TriggerName};")),
                cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task LockTablesAsync(TimeSpan lockTimeout, TimeProvider time, CancellationToken cancellationToken)
    {
        if (_relations.Count == 0)
        {
            return;
        }

        var patience = FirstPatience;
        await Sql.ExecuteAsync(_connection, "SAVEPOINT quick", cancellationToken).ConfigureAwait(false);
        try
        {
            await Sql.ExecuteAsync(_connection, "SET LOCAL deadlock_timeout = '20ms'", cancellationToken).ConfigureAwait(false);
            patience = LongestPatience;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            await Sql.ExecuteAsync(_connection, "ROLLBACK TO SAVEPOINT quick", cancellationToken).ConfigureAwait(false);
        }

        var began = time.GetTimestamp();
        var lockAll = $"LOCK TABLE {string.Join(", ", _relations.Select(r => $"ONLY {r}"))} IN SHARE ROW EXCLUSIVE MODE";
        for (; ; patience = TimeSpan.FromTicks(Math.Min(patience.Ticks * 2, LongestPatience.Ticks)))
        {
            try
            {
                await Sql.ExecuteAsync(
                    _connection,
                    string.Create(CultureInfo.InvariantCulture, $"SAVEPOINT fence; SET LOCAL lock_timeout = {patience.TotalMilliseconds:0}; {lockAll}"),
                    cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (PostgresException e) when (IsBlocked(e) && time.GetElapsedTime(began) < lockTimeout)
            {
                // Gives back what it had got, so that writers who wait for it finish.
                await Sql.ExecuteAsync(_connection, "ROLLBACK TO SAVEPOINT fence", cancellationToken).ConfigureAwait(false);
            }
            catch (PostgresException e) when (IsBlocked(e))
            {
                throw new PgClusterException(
                    Reason.BlockedBySessions,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"the tables could not be locked against writes within {lockTimeout.TotalSeconds:0.###} s: a transaction holds on to one of them"), e);
            }
        }
    }

    private static bool IsBlocked(PostgresException e) => e.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected;
}
