using Npgsql;
using PgCluster.Adapters.Postgres;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// One direction of logical replication: a publication and a slot on the side that changes flow from, a subscription on the side they flow to, all three
/// of the same name. Whatever has that name is this link's, so that another process can go on with it or take it away.
/// </summary>
/// <param name="name">Name of the three.</param>
/// <param name="from">The side that publishes.</param>
/// <param name="to">The side that subscribes.</param>
internal sealed class LogicalLink(string name, NpgsqlDataSource from, NpgsqlDataSource to)
{
    private const string MarkerTable = "pgcluster_switchover.marker";

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan SlowPoll = TimeSpan.FromMilliseconds(50);

    internal string Name => name;

    private string Literal => TableName.Literal(name);

    private string Quoted => TableName.Quote(name);

    private string Early => name + "_early";

    private string EarlyLiteral => TableName.Literal(Early);

    /// <summary>Publishes the tables and the marker.</summary>
    internal async Task PublishAsync(IReadOnlyList<SwitchoverTable> tables, CancellationToken cancellationToken)
    {
        if (await ExistsAsync(from, "pg_publication", "pubname", cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        var list = string.Join(", ", tables.Select(t => $"ONLY {t.Name.Sql}").Append(MarkerTable));
        await Sql.ExecuteAsync(from, $"CREATE PUBLICATION {Quoted} FOR TABLE {list}", cancellationToken).ConfigureAwait(false);
    }

    internal Task PublishOnlyAsync(IEnumerable<SwitchoverTable> tables, CancellationToken cancellationToken) => Sql.ExecuteAsync(
        from, $"ALTER PUBLICATION {Quoted} SET TABLE {string.Join(", ", tables.Select(t => $"ONLY {t.Name.Sql}").Append(MarkerTable))}", cancellationToken);

    internal Task<bool> HasSlotAsync(CancellationToken cancellationToken) => HasSlotAsync(name, cancellationToken);

    internal Task<bool> HasSubscriptionAsync(CancellationToken cancellationToken) => ExistsAsync(to, "pg_subscription", "subname", cancellationToken);

    /// <summary>
    /// Makes ready for <see cref="KeepFromNowAsync"/>: a new slot waits for every transaction of its server, which may take its time, and clients must not.
    /// </summary>
    internal async Task PrepareSlotAsync(CancellationToken cancellationToken)
    {
        if (!await HasSlotAsync(Early, cancellationToken).ConfigureAwait(false))
        {
            var witness = await SlotWitness.CallAsync(from, Early, cancellationToken).ConfigureAwait(false);
            await using var guard = witness.ConfigureAwait(false);
            await Sql.ScalarAsync(from, $"SELECT pg_create_logical_replication_slot({EarlyLiteral}, 'pgoutput')::text", cancellationToken).ConfigureAwait(false);
            await witness.TestifyAsync(Early, cancellationToken).ConfigureAwait(false);
        }

        await AdvanceEarlyAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// From its return on the slot keeps every change, and none from before. It is made as a copy of the prepared one, for a copy is on disk at once: where a
    /// slot was advanced to is forgotten when the server crashes before its next checkpoint, and changes would flow that had come from the other side.
    /// </summary>
    internal async Task KeepFromNowAsync(CancellationToken cancellationToken)
    {
        await PrepareSlotAsync(cancellationToken).ConfigureAwait(false);
        if (await HasSlotAsync(cancellationToken).ConfigureAwait(false))
        {
            await Sql.ExecuteAsync(from, $"SELECT pg_drop_replication_slot({Literal})", cancellationToken).ConfigureAwait(false);
        }

        await Sql.ScalarAsync(from, $"SELECT pg_copy_logical_replication_slot({EarlyLiteral}, {Literal})::text", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Gives up what <see cref="PrepareSlotAsync"/> made.</summary>
    internal Task ForgetPreparedAsync(CancellationToken cancellationToken) => Sql.ExecuteAsync(
        from, $"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = {EarlyLiteral}", cancellationToken);

    private async Task AdvanceEarlyAsync(CancellationToken cancellationToken)
    {
        // A commit that waits for its flush takes everything before it along; only what is flushed can be advanced to.
        var connection = await from.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = connection.ConfigureAwait(false);
        await Sql.ExecuteAsync(
            connection, "SET synchronous_commit = local; UPDATE pgcluster_switchover.state SET changed_at = clock_timestamp()", cancellationToken).ConfigureAwait(false);
        await Sql.ScalarAsync(connection, $"SELECT pg_replication_slot_advance({EarlyLiteral}, pg_current_wal_flush_lsn())::text", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Starts to apply what the slot kept.</summary>
    /// <param name="publisher">How the subscribing server reaches the publishing one.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal async Task SubscribeAsync(LibpqUri publisher, CancellationToken cancellationToken)
    {
        // One without a slot was about to be dropped when its server, or the run, died.
        await Sql.ExecuteAsync(
            to, $"DO $$ BEGIN IF EXISTS (SELECT FROM pg_subscription WHERE subname = {Literal} AND subslotname IS NULL) THEN DROP SUBSCRIPTION {Quoted}; END IF; END $$",
            cancellationToken).ConfigureAwait(false);
        if (await HasSubscriptionAsync(cancellationToken).ConfigureAwait(false))
        {
            await Sql.ExecuteAsync(to, $"ALTER SUBSCRIPTION {Quoted} ENABLE", cancellationToken).ConfigureAwait(false);
            return;
        }

        await Sql.ExecuteAsync(
            to,
            $"CREATE SUBSCRIPTION {Quoted} CONNECTION {TableName.Literal(publisher.ToConnectionInfo(name))} PUBLICATION {Quoted} "
                + $"WITH (create_slot = false, slot_name = {Literal}, copy_data = false, enabled = true)",
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Lets PostgreSQL copy the tables that the publication has and the subscription has not, and waits until all are in step.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PostgresUnavailable"/>: the workers that copy fail again and again.</exception>
    internal async Task RefreshAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        var connection = await to.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = connection.ConfigureAwait(false);
        await Sql.ExecuteAsync(connection, $"ALTER SUBSCRIPTION {Quoted} REFRESH PUBLICATION WITH (copy_data = true)", cancellationToken).ConfigureAwait(false);
        var watch = new ApplyWatch(time);
        while (true)
        {
            var (missing, states, working) = (await SwitchoverSession.QueryAsync(
                connection,
                $"""
                SELECT count(*) FILTER (WHERE r.srsubstate <> 'r'), coalesce(string_agg(r.srrelid || r.srsubstate::text, ',' ORDER BY r.srrelid), ''),
                  coalesce(bool_or(w.pid IS NOT NULL), false)
                FROM pg_subscription s JOIN pg_subscription_rel r ON r.srsubid = s.oid
                  LEFT JOIN pg_stat_subscription w ON w.subid = s.oid AND w.relid = r.srrelid
                WHERE s.subname = {Literal}
                """,
                row => (row.GetInt64(0), row.GetString(1), row.GetBoolean(2)),
                cancellationToken).ConfigureAwait(false))[0];
            if (missing == 0)
            {
                return;
            }

            ThrowIfStuck(watch, states, working);
            await Task.Delay(SlowPoll, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Bytes of WAL between what was written and what the other side has confirmed.</summary>
    internal async Task<long> GetLagAsync(CancellationToken cancellationToken) => (await LookAsync(cancellationToken).ConfigureAwait(false)).Lag;

    /// <summary>Returns when less than that many bytes of WAL wait, with how many do.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PostgresUnavailable"/>: the apply worker fails again and again.</exception>
    internal async Task<long> CatchUpAsync(long lag, TimeProvider time, CancellationToken cancellationToken)
    {
        var watch = new ApplyWatch(time);
        while (true)
        {
            var look = await LookAsync(cancellationToken).ConfigureAwait(false);
            if (look.Lag <= lag)
            {
                return look.Lag;
            }

            ThrowIfStuck(watch, look.Confirmed, look.Active);
            await Task.Delay(SlowPoll, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Returns when the subscriber has applied every commit made before the call.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PostgresUnavailable"/>: the apply worker fails again and again, or was disabled.</exception>
    internal async Task<TimeSpan> SettleAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        var watch = new ApplyWatch(time);
        var token = Guid.NewGuid();
        var mark = TableName.Literal(token.ToString());
        await Sql.ExecuteAsync(from, $"DELETE FROM {MarkerTable}; INSERT INTO {MarkerTable} (run_id) VALUES ({mark})", cancellationToken).ConfigureAwait(false);
        var connection = await to.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = connection.ConfigureAwait(false);
        while (await Sql.ScalarAsync(connection, $"SELECT 1 FROM {MarkerTable} WHERE run_id = {mark}", cancellationToken).ConfigureAwait(false) is null)
        {
            var isLong = time.GetElapsedTime(began) > TimeSpan.FromSeconds(1);
            if (isLong)
            {
                await ThrowIfDisabledAsync(connection, cancellationToken).ConfigureAwait(false);
                var look = await LookAsync(cancellationToken).ConfigureAwait(false);
                ThrowIfStuck(watch, look.Confirmed, look.Active);
            }

            await Task.Delay(isLong ? SlowPoll : Poll, time, cancellationToken).ConfigureAwait(false);
        }

        return time.GetElapsedTime(began);
    }

    /// <summary>Stops applying; the slot goes on keeping.</summary>
    internal Task DisableAsync(CancellationToken cancellationToken) => Sql.ExecuteAsync(to, $"ALTER SUBSCRIPTION {Quoted} DISABLE", cancellationToken);

    /// <summary>Takes all three away, as far as they are there.</summary>
    internal async Task RemoveAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        if (await HasSubscriptionAsync(cancellationToken).ConfigureAwait(false))
        {
            // Without its slot, or the drop would connect to the other side and fail when that is gone.
            await Sql.ExecuteAsync(to, $"ALTER SUBSCRIPTION {Quoted} DISABLE", cancellationToken).ConfigureAwait(false);
            await Sql.ExecuteAsync(to, $"ALTER SUBSCRIPTION {Quoted} SET (slot_name = NONE)", cancellationToken).ConfigureAwait(false);
            await Sql.ExecuteAsync(to, $"DROP SUBSCRIPTION {Quoted}", cancellationToken).ConfigureAwait(false);
        }

        await ForgetPreparedAsync(cancellationToken).ConfigureAwait(false);

        // The walsender of a subscription that was just dropped may hold the slot for a moment; one of a server that was cut off has to be ended.
        var began = time.GetTimestamp();
        while (await HasSlotAsync(cancellationToken).ConfigureAwait(false))
        {
            try
            {
                await Sql.ExecuteAsync(from, $"SELECT pg_drop_replication_slot({Literal})", cancellationToken).ConfigureAwait(false);
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.ObjectInUse && time.GetElapsedTime(began) < TimeSpan.FromSeconds(30))
            {
                if (time.GetElapsedTime(began) > TimeSpan.FromSeconds(2))
                {
                    await Sql.ScalarAsync(
                        from, $"SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = {Literal} AND active_pid IS NOT NULL",
                        cancellationToken).ConfigureAwait(false);
                }

                await Task.Delay(SlowPoll, time, cancellationToken).ConfigureAwait(false);
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedObject)
            {
                break;
            }
        }

        await Sql.ExecuteAsync(from, $"DROP PUBLICATION IF EXISTS {Quoted}", cancellationToken).ConfigureAwait(false);
    }

    private async Task<(long Lag, string Confirmed, bool Active)> LookAsync(CancellationToken cancellationToken)
    {
        var connection = await from.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = connection.ConfigureAwait(false);
        var looks = await SwitchoverSession.QueryAsync(
            connection,
            $"""
            SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint, confirmed_flush_lsn::text, active
            FROM pg_replication_slots WHERE slot_name = {Literal}
            """,
            row => (row.GetInt64(0), row.GetString(1), row.GetBoolean(2)),
            cancellationToken).ConfigureAwait(false);
        return looks is [var look]
            ? look
            : throw new PgClusterException(Reason.PlanStale, $"the replication slot {name} is gone: changes of the source were not kept");
    }

    private void ThrowIfStuck(ApplyWatch watch, string progress, bool working)
    {
        if (watch.IsStuck(progress, working))
        {
            throw new PgClusterException(
                Reason.PostgresUnavailable,
                $"nothing has been applied for {ApplyWatch.Limit.TotalSeconds:0} s: the worker of subscription {name} fails again and again. "
                + "The logs of both servers say why; when that cannot be mended, reset the switchover and start it again");
        }
    }

    private async Task ThrowIfDisabledAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var enabled = await Sql.ScalarAsync(connection, $"SELECT subenabled FROM pg_subscription WHERE subname = {Literal}", cancellationToken).ConfigureAwait(false);
        if (enabled != "True")
        {
            throw new PgClusterException(
                Reason.PostgresUnavailable, $"the subscription {name} on the target is {(enabled is null ? "gone" : "disabled")}; the target server's log says why");
        }
    }

    private async Task<bool> HasSlotAsync(string slot, CancellationToken cancellationToken) => await Sql.ScalarAsync(
        from, $"SELECT 1 FROM pg_replication_slots WHERE slot_name = {TableName.Literal(slot)}", cancellationToken).ConfigureAwait(false) is not null;

    private async Task<bool> ExistsAsync(NpgsqlDataSource side, string catalog, string column, CancellationToken cancellationToken) =>
        await Sql.ScalarAsync(side, $"SELECT 1 FROM {catalog} WHERE {column} = {Literal}", cancellationToken).ConfigureAwait(false) is not null;
}
