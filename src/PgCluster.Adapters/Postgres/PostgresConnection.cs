using System.Data;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// SQL on one server, for short statements. Few pooled connections keep a look at the server under a few milliseconds; a restart breaks all of them,
/// so a statement that meets a broken one throws the pool away and tries once more: every statement here can be repeated. Not where the postmaster is gone:
/// while its listening sockets are held (<see cref="ListenerHold"/>) a new connection would hang.
/// </summary>
internal sealed class PostgresConnection : IAsyncDisposable
{
    internal const string ApplicationName = "pgcluster-agent";

    private readonly LocalPostgresOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Func<bool>? _isGone;
    private readonly NpgsqlDataSource _source;

    internal PostgresConnection(
        LocalPostgresOptions options, TimeProvider time, ILogger logger, string applicationName = ApplicationName, string? passFile = null, Func<bool>? isGone = null)
    {
        _options = options;
        _isGone = isGone;
        _time = time;
        _logger = logger;
        var seconds = Math.Max(1, (int)Math.Ceiling(options.ConnectTimeout.TotalSeconds));
        var builder = new NpgsqlSlimDataSourceBuilder(new NpgsqlConnectionStringBuilder
        {
            Host = options.Host,
            Port = options.Port,
            Username = options.User,
            Password = options.Password,
            Passfile = passFile ?? (options.PassFile.Length > 0 ? options.PassFile : null),
            Database = options.Database,
            ApplicationName = applicationName,
            Timeout = seconds,

            // Statements are bounded by their tokens; a checkpoint may take longer than a look.
            CommandTimeout = 0,

            // A frozen server would not answer a request to cancel either.
            CancellationTimeout = -1,
            MinPoolSize = 0,
            MaxPoolSize = 8,
            ConnectionIdleLifetime = 60,
            NoResetOnClose = true,
            Enlist = false,
            MaxAutoPrepare = 8,
            AutoPrepareMinUsages = 2,
            TcpKeepAlive = true,
            SslMode = SslMode.Allow,
            GssEncryptionMode = GssEncryptionMode.Disable,
        }.ConnectionString);
        builder.EnableTransportSecurity();

        // Text, numbers and booleans only: nothing to ask pg_type about on each new connection.
        builder.ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        _source = builder.Build();
    }

    /// <summary>Closes pooled connections: after a stop none of them leads anywhere.</summary>
    internal void Forget() => _source.Clear();

    /// <summary>Opens a connection of its own for something that polls.</summary>
    internal async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(_options.ConnectTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return await _source.OpenConnectionAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException(
                string.Create(CultureInfo.InvariantCulture, $"no connection within {_options.ConnectTimeout.TotalSeconds:0.###} s"), e);
        }
    }

    /// <summary>The first column of the first row; null when there is none. Throws what Npgsql throws, or <see cref="TimeoutException"/>.</summary>
    internal async Task<string?> ScalarAsync(string sql, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            // A frozen server swallows a cancellation with its statement: the wait ends here whatever the driver does.
            return await ScalarOnPooledAsync(sql, either.Token).WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException(string.Create(CultureInfo.InvariantCulture, $"no answer within {timeout.TotalSeconds:0.###} s"), e);
        }
    }

    internal static async Task<string?> ScalarAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(sql, connection);
        await using (command.ConfigureAwait(false))
        {
            return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) switch
            {
                null or DBNull => null,
                string text => text,
                var value => Convert.ToString(value, CultureInfo.InvariantCulture),
            };
        }
    }

    private async Task<string?> ScalarOnPooledAsync(string sql, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var connection = await OpenAsync(cancellationToken).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                try
                {
                    return await ScalarAsync(connection, sql, cancellationToken).ConfigureAwait(false);
                }
                catch (NpgsqlException e) when (attempt == 1 && (connection.FullState & ConnectionState.Open) == 0 && _isGone?.Invoke() != true)
                {
                    PostgresLog.Reconnecting(_logger, _options.NodeName, e);
                    _source.Clear();
                }
            }
        }
    }

    public ValueTask DisposeAsync() => _source.DisposeAsync();
}
