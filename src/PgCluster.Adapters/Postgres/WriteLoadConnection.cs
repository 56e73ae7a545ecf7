using Npgsql;
using NpgsqlTypes;

namespace PgCluster.Adapters.Postgres;

/// <summary>A writer's connection with its one statement, kept so that a commit makes no garbage worth mentioning.</summary>
internal sealed class WriteLoadConnection : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlCommand _insert;
    private readonly NpgsqlParameter<long> _number = new() { NpgsqlDbType = NpgsqlDbType.Bigint };

    public WriteLoadConnection(NpgsqlConnection connection, string table, int writer)
    {
        _connection = connection;
        _insert = new NpgsqlCommand($"insert into {table} values ($1, $2)", connection);
        _insert.Parameters.Add(new NpgsqlParameter<int> { NpgsqlDbType = NpgsqlDbType.Integer, TypedValue = writer });
        _insert.Parameters.Add(_number);
    }

    /// <summary>Commits one row in a transaction of its own; returns when it is acknowledged.</summary>
    public async Task CommitAsync(long number, CancellationToken cancellationToken)
    {
        _number.TypedValue = number;
        await _insert.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _insert.DisposeAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
    }
}
