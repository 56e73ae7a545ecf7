using System.Globalization;
using Npgsql;

namespace PgCluster.Adapters.Switchover;

/// <summary>Short statements on a data source or an open connection.</summary>
internal static class Sql
{
    internal static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(sql, connection);
        await using var guard = command.ConfigureAwait(false);
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    internal static async Task ExecuteAsync(NpgsqlDataSource source, string sql, CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = connection.ConfigureAwait(false);
        await ExecuteAsync(connection, sql, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>First column of the first row as text; null when there is none.</summary>
    internal static async Task<string?> ScalarAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(sql, connection);
        await using var guard = command.ConfigureAwait(false);
        return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) switch
        {
            null or DBNull => null,
            string text => text,
            var value => Convert.ToString(value, CultureInfo.InvariantCulture),
        };
    }

    internal static async Task<string?> ScalarAsync(NpgsqlDataSource source, string sql, CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = connection.ConfigureAwait(false);
        return await ScalarAsync(connection, sql, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>First column of every row as text.</summary>
    internal static async Task<List<string>> ListAsync(NpgsqlDataSource source, string sql, CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var guard = connection.ConfigureAwait(false);
        var command = new NpgsqlCommand(sql, connection);
        await using var commandGuard = command.ConfigureAwait(false);
        var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var readerGuard = reader.ConfigureAwait(false);
        var rows = new List<string>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            rows.Add(Convert.ToString(reader.GetValue(0), CultureInfo.InvariantCulture)!);
        }

        return rows;
    }
}
