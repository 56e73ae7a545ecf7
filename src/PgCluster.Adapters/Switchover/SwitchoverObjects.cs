using Npgsql;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// What a switchover keeps inside a database: schema pgcluster_switchover with state (one row: who is in charge), log (the messages) and marker. Made and
/// removed with nothing more than CREATE on the database; PostgreSQL 12 and newer.
/// </summary>
public static class SwitchoverObjects
{
    /// <summary>The schema, never to be copied.</summary>
    public const string Schema = SwitchoverSql.Schema;

    // Two that make the same schema at once would fail on each other: the lock lets them take turns.
    private const string Install = """
        select pg_advisory_xact_lock(4371);
        create schema if not exists pgcluster_switchover;
        create table if not exists pgcluster_switchover.state (
            ok boolean primary key default true check (ok),
            current_state text not null default 'idle' check (current_state in ('idle', 'in_progress', 'use_next_db')),
            db_id uuid not null,
            run_id uuid,
            definition jsonb,
            changed_at timestamptz not null default now());
        create table if not exists pgcluster_switchover.log (
            id bigint primary key,
            at timestamptz not null default now(),
            data jsonb not null);
        create table if not exists pgcluster_switchover.marker (
            run_id uuid primary key,
            at timestamptz not null default now());
        """;

    /// <summary>Makes what is missing; what is there stays as it is.</summary>
    /// <param name="connection">An open connection outside a transaction.</param>
    /// <param name="grantTo">Roles of the application, when it is not the owner: they may read the row and use the log.</param>
    /// <param name="cancellationToken">Ends it; nothing is left half made.</param>
    public static async Task InstallAsync(NpgsqlConnection connection, IReadOnlyCollection<string> grantTo, CancellationToken cancellationToken)
    {
        var batch = new NpgsqlBatch(connection);
        await using (batch.ConfigureAwait(false))
        {
            foreach (var statement in Install.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                batch.BatchCommands.Add(new NpgsqlBatchCommand(statement));
            }

            // The id comes from here: gen_random_uuid() is there from version 13 on only.
            batch.BatchCommands.Add(new NpgsqlBatchCommand("insert into pgcluster_switchover.state (db_id) values ($1) on conflict do nothing")
            {
                Parameters = { new NpgsqlParameter<Guid> { TypedValue = Guid.NewGuid() } },
            });
            foreach (var role in grantTo)
            {
                var name = "\"" + role.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";
                batch.BatchCommands.Add(new NpgsqlBatchCommand($"grant usage on schema pgcluster_switchover to {name}"));
                batch.BatchCommands.Add(new NpgsqlBatchCommand($"grant select on all tables in schema pgcluster_switchover to {name}"));
                batch.BatchCommands.Add(new NpgsqlBatchCommand($"grant insert, update on pgcluster_switchover.log to {name}"));
            }

            await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Removes everything. Applications with the gate refuse a database without it.</summary>
    public static async Task RemoveAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand("drop schema if exists pgcluster_switchover cascade", connection);
        await using (command.ConfigureAwait(false))
        {
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The row; null when nothing is installed.</summary>
    public static async Task<SwitchoverStateRow?> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // Asked first, and apart: a missing table would break the caller's transaction and stand in the server's log as an error.
        var there = new NpgsqlCommand("select to_regclass('pgcluster_switchover.state') is not null", connection);
        await using (there.ConfigureAwait(false))
        {
            if (await there.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is not true)
            {
                return null;
            }
        }

        var command = new NpgsqlCommand(
            "select current_state, db_id, run_id, definition::text, changed_at from pgcluster_switchover.state", connection);
        await using (command.ConfigureAwait(false))
        {
            var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                if (!await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    return null;
                }

                return new SwitchoverStateRow
                {
                    Pointer = SwitchoverSql.ToPointer(reader.GetString(0)),
                    DbId = reader.GetGuid(1),
                    RunId = await reader.IsDBNullAsync(2, cancellationToken).ConfigureAwait(false) ? null : reader.GetGuid(2),
                    Definition = await reader.IsDBNullAsync(3, cancellationToken).ConfigureAwait(false) ? null : reader.GetString(3),
                    ChangedAt = await reader.GetFieldValueAsync<DateTimeOffset>(4, cancellationToken).ConfigureAwait(false),
                };
            }
        }
    }

    /// <summary>Moves the pointer, in the caller's transaction when there is one.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.SwitchoverNotReady"/>: it does not stand where it should.</exception>
    public static async Task MoveAsync(NpgsqlConnection connection, SwitchoverPointer from, SwitchoverPointer to, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(
            "update pgcluster_switchover.state set current_state = $2, changed_at = now() where current_state = $1", connection)
        {
            Parameters =
            {
                new NpgsqlParameter<string> { TypedValue = SwitchoverSql.NameOf(from) },
                new NpgsqlParameter<string> { TypedValue = SwitchoverSql.NameOf(to) },
            },
        };
        await using (command.ConfigureAwait(false))
        {
            if (await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false) != 1)
            {
                throw new PgClusterException(
                    Reason.SwitchoverNotReady, $"The switchover state is not {SwitchoverSql.NameOf(from)}, so it cannot become {SwitchoverSql.NameOf(to)}.");
            }
        }
    }

    /// <summary>Sets what is to be moved, and under which run.</summary>
    public static async Task DefineAsync(NpgsqlConnection connection, Guid? runId, string? definition, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(
            "update pgcluster_switchover.state set run_id = $1, definition = $2::jsonb, changed_at = now()", connection)
        {
            Parameters =
            {
                new NpgsqlParameter { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid, Value = runId ?? (object)DBNull.Value },
                new NpgsqlParameter { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text, Value = definition ?? (object)DBNull.Value },
            },
        };
        await using (command.ConfigureAwait(false))
        {
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Connections to this database by their application_name, this one included.</summary>
    public static async Task<IReadOnlyList<Engine.Switchover.ObservedConnection>> ReadConnectionsAsync(
        NpgsqlConnection connection, bool isNext, CancellationToken cancellationToken)
    {
        var found = new List<Engine.Switchover.ObservedConnection>();
        var command = new NpgsqlCommand(
            "select coalesce(application_name, ''), count(*)::int from pg_stat_activity "
            + "where datid = (select oid from pg_database where datname = current_database()) group by 1",
            connection);
        await using (command.ConfigureAwait(false))
        {
            var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    found.Add(new(reader.GetString(0), isNext, reader.GetInt32(1)));
                }
            }
        }

        return found;
    }
}
