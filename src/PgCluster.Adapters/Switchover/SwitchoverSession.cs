using System.Globalization;
using Npgsql;

namespace PgCluster.Adapters.Switchover;

/// <summary>How the sessions of a switchover read and write.</summary>
internal static class SwitchoverSession
{
    /// <summary>Set to on by sessions that bring rows of the other side: tracking does not log them as changes.</summary>
    internal const string ApplyingSetting = "pgcluster_switchover.applying";

    // A server that ends slow or idle transactions on its own would end every copy of a large table.
    private static readonly string[] _unlimited =
    [
        "SET LOCAL statement_timeout = 0",
        "SET LOCAL lock_timeout = 0",
        "SET LOCAL idle_in_transaction_session_timeout = 0",
    ];

    // Keys are kept as text: what is written under one setting must be read under the same.
    private static readonly string[] _exactText =
    [
        "SET LOCAL datestyle = 'ISO, YMD'",
        "SET LOCAL intervalstyle = 'iso_8601'",
        "SET LOCAL timezone = 'UTC'",
        "SET LOCAL extra_float_digits = 3",
        "SET LOCAL bytea_output = 'hex'",
        "SET LOCAL lc_monetary = 'C'",
        "SET LOCAL xmloption = 'content'",
    ];

    // Without statistics on what has just been written the planner might read a whole table to find a few keys in it.
    private static readonly string[] _byIndex =
    [
        "SET LOCAL enable_seqscan = off",
        "SET LOCAL enable_hashjoin = off",
        "SET LOCAL enable_mergejoin = off",
        "SET LOCAL jit = off",
    ];

    /// <summary>Begins a transaction that reads one state of the source.</summary>
    /// <param name="connection">Where.</param>
    /// <param name="snapshot">An exported snapshot to read at; null for its own.</param>
    /// <param name="readOnly">False when it also purges the change log.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal static Task BeginReadAsync(NpgsqlConnection connection, string? snapshot, bool readOnly, CancellationToken cancellationToken) =>
        ExecuteAsync(
            connection,
            [
                $"BEGIN ISOLATION LEVEL REPEATABLE READ {(readOnly ? "READ ONLY" : "READ WRITE")}",
                .. snapshot is null ? [] : new[] { $"SET TRANSACTION SNAPSHOT '{snapshot}'" },
                .. Common(connection),
                .. _byIndex.Take(readOnly ? 0 : _byIndex.Length),
            ],
            cancellationToken);

    /// <summary>Pins, in a transaction that was begun elsewhere, what values look like as text.</summary>
    internal static Task PinAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        ExecuteAsync(connection, [.. _exactText, .. _byIndex], cancellationToken);

    /// <summary>Begins a transaction that writes rows as they are: no foreign key is checked and no trigger of the application fires.</summary>
    /// <param name="connection">Where.</param>
    /// <param name="durable">True when its commit must survive a crash of the server.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.PreflightFailed"/>: the role may not.</exception>
    internal static async Task BeginApplyAsync(NpgsqlConnection connection, bool durable, CancellationToken cancellationToken)
    {
        try
        {
            await ExecuteAsync(
                connection,
                [
                    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
                    "SET LOCAL session_replication_role = replica",
                    $"SET LOCAL {ApplyingSetting} = 'on'",
                    $"SET LOCAL synchronous_commit = {(durable ? "on" : "off")}",
                    .. Common(connection),
                    .. _byIndex.Take(durable ? _byIndex.Length : 0),
                ],
                cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new PgClusterException(
                Reason.PreflightFailed,
                $"Role {connection.UserName} may not set session_replication_role on {Where(connection)}: it has to be a superuser there or, "
                + "from PostgreSQL 15 on, be given GRANT SET ON PARAMETER session_replication_role.",
                e);
        }
    }

    /// <summary>Runs statements in one round trip.</summary>
    internal static async Task<int> ExecuteAsync(NpgsqlConnection connection, IEnumerable<string> statements, CancellationToken cancellationToken)
    {
        var batch = new NpgsqlBatch(connection);
        await using var guard = batch.ConfigureAwait(false);
        foreach (var statement in statements)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(statement));
        }

        return batch.BatchCommands.Count == 0 ? 0 : await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc cref="ExecuteAsync(NpgsqlConnection, IEnumerable{string}, CancellationToken)"/>
    internal static Task<int> ExecuteAsync(NpgsqlConnection connection, string statement, CancellationToken cancellationToken) =>
        ExecuteAsync(connection, [statement], cancellationToken);

    /// <summary>
    /// Reads tables of the application inside of a transaction, and gives their locks back. A session that kept them while it, or another one of ours, waits
    /// behind a TRUNCATE that itself waits for them would cost the application a deadlock, or all of us a wait that the server does not see.
    /// </summary>
    /// <param name="connection">In a transaction. What <paramref name="read"/> writes there is undone.</param>
    /// <param name="read">Reads.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal static async Task LetGoAsync(NpgsqlConnection connection, Func<Task> read, CancellationToken cancellationToken)
    {
        await ExecuteAsync(connection, "SAVEPOINT pgcluster_read", cancellationToken).ConfigureAwait(false);
        await read().ConfigureAwait(false);
        await ExecuteAsync(connection, ["ROLLBACK TO SAVEPOINT pgcluster_read", "RELEASE SAVEPOINT pgcluster_read"], cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the rows of a query.</summary>
    internal static async Task<List<T>> QueryAsync<T>(
        NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params NpgsqlParameter[] parameters)
    {
        var command = new NpgsqlCommand(sql, connection);
        await using var commandGuard = command.ConfigureAwait(false);
        command.Parameters.AddRange(parameters);
        var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var readerGuard = reader.ConfigureAwait(false);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    /// <summary>The one value of a query.</summary>
    internal static async Task<T> ScalarAsync<T>(
        NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params NpgsqlParameter[] parameters) =>
        (await QueryAsync(connection, sql, row => row.GetFieldValue<T>(0), cancellationToken, parameters).ConfigureAwait(false))[0];

    /// <summary>A parameter with its value.</summary>
    internal static NpgsqlParameter Parameter(string name, object value) => new(name, value);

    /// <summary>Host, port and database as they stand in messages.</summary>
    internal static string Where(NpgsqlConnection connection) => $"{connection.Host}:{connection.Port}/{connection.Database}";

    /// <summary>Makes errors of the driver those of the product.</summary>
    /// <param name="what">What was being done, as a sentence begins.</param>
    /// <param name="action">Does it.</param>
    internal static async Task<T> GuardAsync<T>(string what, Func<Task<T>> action)
    {
        try
        {
            return await action().ConfigureAwait(false);
        }
        catch (NpgsqlException e)
        {
            throw Failure(what, e);
        }
    }

    /// <summary>The product's error for one of the driver.</summary>
    internal static PgClusterException Failure(string what, NpgsqlException cause) =>
        new(
            cause is PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } ? Reason.PreflightFailed : Reason.PostgresUnavailable,
            cause is PostgresException server
                ? string.Create(CultureInfo.InvariantCulture, $"{what} failed: {server.SqlState} {server.MessageText}")
                : $"{what} failed: {cause.Message}",
            cause);

    private static IEnumerable<string> Common(NpgsqlConnection connection) =>
    [
        .. _unlimited,
        .. connection.PostgreSqlVersion.Major >= 17 ? ["SET LOCAL transaction_timeout = 0"] : Array.Empty<string>(),
        .. _exactText,
    ];
}
