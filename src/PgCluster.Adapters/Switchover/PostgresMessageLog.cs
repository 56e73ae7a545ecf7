using System.Data;
using System.Globalization;
using Npgsql;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// The log as table pgcluster_switchover.log of the current database. Appending holds the table, so that ids are in the order of the commits and have no
/// gaps: who has read 7 and reads 8 next has missed nothing. NOTIFY only makes readers look earlier.
/// </summary>
public sealed class PostgresMessageLog : ISwitchoverLog, IAsyncDisposable
{
    /// <summary>How far back a message that is appended once more is looked for.</summary>
    private const int RepeatWindow = 1000;

    private readonly NpgsqlDataSource _source;
    private readonly SwitchoverLimits _limits;
    private readonly int _commandTimeout;
    private readonly SemaphoreSlim _reading = new(1, 1);
    private NpgsqlConnection? _listener;

    /// <summary>Makes a log; it opens connections when they are needed.</summary>
    /// <param name="source">The current database, directly or through a pooler in session mode; the caller disposes it, after this.</param>
    /// <param name="limits">Limits, the same for all participants.</param>
    public PostgresMessageLog(NpgsqlDataSource source, SwitchoverLimits limits)
    {
        _source = source;
        _limits = limits;
        _commandTimeout = Math.Max(1, (int)Math.Ceiling(limits.LeaderTimeout.TotalSeconds));
    }

    /// <inheritdoc />
    public Task<long> GetLastPositionAsync(CancellationToken cancellationToken) =>
        NumberAsync("select coalesce(max(id), 0) from pgcluster_switchover.log", cancellationToken);

    /// <inheritdoc />
    public Task<long> GetLastResetAsync(CancellationToken cancellationToken) =>
        NumberAsync("select coalesce(max(id), 0) from pgcluster_switchover.log where data->>'type' = 'reset'", cancellationToken);

    /// <inheritdoc />
    public async Task AppendAsync(SwitchoverMessage message, CancellationToken cancellationToken)
    {
        var connection = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            // Read committed whatever the server's default is: the statement after the lock has to see what was committed before it.
            var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                var batch = new NpgsqlBatch(connection, transaction) { Timeout = _commandTimeout };
                await using (batch.ConfigureAwait(false))
                {
                    var wait = Math.Ceiling(_limits.LockTimeout.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
                    batch.BatchCommands.Add(new NpgsqlBatchCommand($"set local lock_timeout = {wait}"));
                    batch.BatchCommands.Add(new NpgsqlBatchCommand("lock table pgcluster_switchover.log in exclusive mode"));
                    batch.BatchCommands.Add(new NpgsqlBatchCommand(string.Create(CultureInfo.InvariantCulture, $"""
                        insert into pgcluster_switchover.log (id, data)
                        select (select coalesce(max(id), 0) + 1 from pgcluster_switchover.log), $1::jsonb
                        where not exists (
                            select from pgcluster_switchover.log
                            where id > (select coalesce(max(id), 0) from pgcluster_switchover.log) - {RepeatWindow} and data->>'id' = $2)
                        """))
                    {
                        Parameters =
                        {
                            new NpgsqlParameter<string> { TypedValue = SwitchoverMessageText.Write(message), NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text },
                            new NpgsqlParameter<string> { TypedValue = message.Id.ToString() },
                        },
                    });
                    batch.BatchCommands.Add(new NpgsqlBatchCommand($"notify {SwitchoverSql.Channel}"));
                    await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
                }

                await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <inheritdoc />
    public Task<IReadOnlyList<SwitchoverMessage>> ReadAsync(long after, CancellationToken cancellationToken) => OnListenerAsync(
        async (listener, token) =>
        {
            // The message read last is read again: when it is gone, the table was made anew and its numbers mean something else.
            var found = await ReadFromAsync(listener, after, _limits.LogBatch + 1, token).ConfigureAwait(false);
            if (found.Count > 0 && found[0].Position == after)
            {
                found.RemoveAt(0);
            }
            else if (found.Count == 0 && after > 0)
            {
                found = await ReadFromAsync(listener, 1, _limits.LogBatch, token).ConfigureAwait(false);
            }

            return (IReadOnlyList<SwitchoverMessage>)found.Take(_limits.LogBatch).ToList();
        },
        cancellationToken);

    /// <inheritdoc />
    public Task WaitAsync(CancellationToken cancellationToken) =>
        OnListenerAsync((listener, token) => listener.WaitAsync(_limits.PollInterval, token), cancellationToken);

    /// <summary>Closes the connection that listens.</summary>
    public async ValueTask DisposeAsync()
    {
        await _reading.WaitAsync().ConfigureAwait(false);
        await ForgetAsync().ConfigureAwait(false);
        _reading.Dispose();
    }

    private static async Task<List<SwitchoverMessage>> ReadFromAsync(NpgsqlConnection connection, long first, int count, CancellationToken cancellationToken)
    {
        var messages = new List<SwitchoverMessage>();
        var command = new NpgsqlCommand("select id, at, data::text from pgcluster_switchover.log where id >= $1 order by id limit $2", connection)
        {
            Parameters = { new NpgsqlParameter<long> { TypedValue = first }, new NpgsqlParameter<int> { TypedValue = count } },
        };
        await using (command.ConfigureAwait(false))
        {
            var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    var at = await reader.GetFieldValueAsync<DateTimeOffset>(1, cancellationToken).ConfigureAwait(false);
                    messages.Add(SwitchoverMessageText.Read(reader.GetInt64(0), at, reader.GetString(2)));
                }
            }
        }

        return messages;
    }

    private Task<long> NumberAsync(string sql, CancellationToken cancellationToken) => OnListenerAsync(
        async (listener, token) =>
        {
            var command = new NpgsqlCommand(sql, listener);
            await using (command.ConfigureAwait(false))
            {
                return (long)(await command.ExecuteScalarAsync(token).ConfigureAwait(false))!;
            }
        },
        cancellationToken);

    private async Task<T> OnListenerAsync<T>(Func<NpgsqlConnection, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            _listener ??= await ListenAsync(cancellationToken).ConfigureAwait(false);
            return await work(_listener, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            // Whatever went wrong, the next one begins on a connection that is known to listen.
            await ForgetAsync().ConfigureAwait(false);
            throw;
        }
        finally
        {
            _reading.Release();
        }
    }

    private async Task<NpgsqlConnection> ListenAsync(CancellationToken cancellationToken)
    {
        var connection = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var command = new NpgsqlCommand($"listen {SwitchoverSql.Channel}", connection);
            await using (command.ConfigureAwait(false))
            {
                await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            }

            return connection;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task ForgetAsync()
    {
        if (_listener is { } listener)
        {
            _listener = null;
            await listener.DisposeAsync().ConfigureAwait(false);
        }
    }
}
