using System.Globalization;
using System.Net.Sockets;
using Npgsql;
using PgCluster.Engine.Measurement;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// Writers on the clients' route: each has a connection of its own and commits one row after the other, into a table that belongs to this run and
/// has no constraint that could hide a doubled commit. Works through a pooler in transaction mode: nothing is prepared, nothing set.
/// </summary>
public sealed class WriteLoad : IAsyncDisposable
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan DropTimeout = TimeSpan.FromSeconds(10);

    private readonly WriteGapOptions _options;
    private readonly LibpqUri _uri;
    private readonly TimeProvider _time;
    private readonly NpgsqlDataSource _source;
    private readonly WriteLedger _ledger;
    private readonly WriteLoadConnection?[] _connections;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _giveUp = new();
    private readonly string _table;

    private Task[] _writers = [];
    private bool _created;
    private bool _disposed;

    private WriteLoad(WriteGapOptions options, TimeProvider time)
    {
        WriteLoadRules.Check(options);
        _options = options;
        _time = time;
        _uri = LibpqUri.Parse(options.Uri);
        _ledger = new WriteLedger(options.Writers, time);
        _connections = new WriteLoadConnection?[options.Writers];
        var name = $"pgcluster_write_gap_{Guid.CreateVersion7(time.GetUtcNow()):n}";
        _table = options.Schema is null ? Quote(name) : $"{Quote(options.Schema)}.{Quote(name)}";

        var settings = _uri.ToConnectionString();
        settings.Timeout = (int)(_uri.ConnectTimeout ?? options.ConnectTimeout).TotalSeconds;
        settings.CommandTimeout = (int)options.StatementTimeout.TotalSeconds;

        // A route that hangs would not carry a request to cancel either.
        settings.CancellationTimeout = -1;
        settings.Pooling = false;
        settings.Enlist = false;
        settings.MaxAutoPrepare = 0;
        settings.NoResetOnClose = true;
        settings.ApplicationName = _uri.ApplicationName ?? "pgcluster write gap";

        // Reading the type catalogue with every connection would be load of our own making.
        _source = new NpgsqlSlimDataSourceBuilder(settings.ConnectionString)
            .EnableTransportSecurity().ConfigureTypeLoading(types => types.EnableTypeLoading(false)).Build();
    }

    /// <summary>The run's table, quoted, when it could not be dropped; null otherwise. Known once this is disposed.</summary>
    public string? LeftBehind { get; private set; }

    /// <summary>Makes the table, connects every writer, and returns when each has had a commit acknowledged: from then on gaps count.</summary>
    /// <exception cref="PgClusterException">The options cannot be used, or the route does not take a commit.</exception>
    public static async Task<WriteLoad> StartAsync(WriteGapOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        var load = new WriteLoad(options, time);
        try
        {
            await load.PrepareAsync(cancellationToken).ConfigureAwait(false);
            load._ledger.Begin();
            load._writers = [.. Enumerable.Range(0, options.Writers).Select(load.WriteAsync)];
            return load;
        }
        catch (Exception e)
        {
            await load.DisposeAsync().ConfigureAwait(false);
            if (IsOfRoute(e) && !cancellationToken.IsCancellationRequested)
            {
                throw load.Explain("does not take a commit", e);
            }

            throw;
        }
    }

    /// <summary>
    /// Lets the commits in flight end, reads the table back and says what the writers saw. A writer whose commit does not end within the drain
    /// timeout is cut off, which counts as an error.
    /// </summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PostgresUnavailable"/>: the table could not be read back within the verify timeout.</exception>
    public async Task<WriteGapReport> StopAsync(CancellationToken cancellationToken)
    {
        var stopAskedAt = _time.GetTimestamp();
        await _stop.CancelAsync().ConfigureAwait(false);
        var writers = Task.WhenAll(_writers);
        try
        {
            await writers.WaitAsync(_options.DrainTimeout, _time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // What is still in flight now ends as an error of its writer.
        }
        finally
        {
            _ledger.End(stopAskedAt);
            await _giveUp.CancelAsync().ConfigureAwait(false);
        }

        await writers.ConfigureAwait(false);
        await VerifyAsync(cancellationToken).ConfigureAwait(false);
        return _ledger.ToReport();
    }

    /// <summary>Ends the writers and drops the table, within a budget of ten seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _giveUp.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_writers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var connection in _connections)
        {
            await CloseAsync(connection).ConfigureAwait(false);
        }

        if (_created)
        {
            await DropAsync().ConfigureAwait(false);
        }

        await _source.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
        _giveUp.Dispose();
    }

    private async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await CreateAsync(cancellationToken).ConfigureAwait(false);
        await Parallel.ForEachAsync(
            Enumerable.Range(0, _options.Writers),
            new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = cancellationToken },
            async (writer, token) =>
            {
                var connection = _connections[writer] = await ConnectAsync(writer, token).ConfigureAwait(false);
                var number = _ledger.Send(writer);
                await connection.CommitAsync(number, token).ConfigureAwait(false);
                _ledger.Acknowledge(writer);
            }).ConfigureAwait(false);
    }

    private async Task CreateAsync(CancellationToken cancellationToken)
    {
        var connection = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            // From here on the table may exist, whatever the answer; only a refusal says that it does not.
            _created = true;
            try
            {
                await ExecuteAsync(connection, $"create table {_table} (writer int4 not null, number int8 not null) with (autovacuum_enabled = off)", cancellationToken)
                    .ConfigureAwait(false);
            }
            catch (PostgresException)
            {
                _created = false;
                throw;
            }
        }
    }

    private async Task WriteAsync(int writer)
    {
        // Off the caller's thread: the first commits must not wait for each other.
        await Task.Yield();
        var failures = 0;
        while (!_stop.IsCancellationRequested)
        {
            var connection = _connections[writer];
            if (connection is null)
            {
                connection = await ReconnectAsync(writer, failures).ConfigureAwait(false);
                failures++;
                if (connection is null)
                {
                    continue;
                }
            }

            var number = _ledger.Send(writer);
            try
            {
                await connection.CommitAsync(number, _giveUp.Token).ConfigureAwait(false);
                _ledger.Acknowledge(writer);
                failures = 0;
            }
            catch (Exception e) when (IsOfRoute(e))
            {
                _ledger.Fail(writer, e is OperationCanceledException ? "the commit did not end before the writers were given up on" : Describe(e));
                _connections[writer] = null;
                await CloseAsync(connection).ConfigureAwait(false);
                continue;
            }

            if (_options.PauseBetweenCommits > TimeSpan.Zero)
            {
                await Task.Delay(_options.PauseBetweenCommits, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>One attempt, at once after the first failure and later each time after a longer rest; null when it failed.</summary>
    private async Task<WriteLoadConnection?> ReconnectAsync(int writer, int failures)
    {
        if (failures > 0)
        {
            // Rests are bounded so that the end of a gap is seen within milliseconds by some writer, and uneven so that the writers do not come all at once.
            var longest = TimeSpan.FromMilliseconds(Math.Max(100, _options.Writers));
            var rest = Math.Min(longest.TotalMilliseconds, FirstRetry.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 16)));
            await Task.Delay(TimeSpan.FromMilliseconds(rest * (0.5 + (Random.Shared.NextDouble() / 2))), _time, _stop.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        try
        {
            var connection = _connections[writer] = await ConnectAsync(writer, _stop.Token).ConfigureAwait(false);
            _ledger.Reconnect();
            return connection;
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e) when (IsOfRoute(e))
        {
            _ledger.FailConnect(Describe(e));
            return null;
        }
    }

    private async Task<WriteLoadConnection> ConnectAsync(int writer, CancellationToken cancellationToken) => new(
        await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false), _table, writer);

    private async Task VerifyAsync(CancellationToken cancellationToken)
    {
        using var budget = new CancellationTokenSource(_options.VerifyTimeout, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(budget.Token, cancellationToken);
        Exception? last = null;
        while (true)
        {
            try
            {
                linked.Token.ThrowIfCancellationRequested();
                _ledger.BeginVerification();
                await ReadBackAsync(linked.Token).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (IsOfRoute(e) && !cancellationToken.IsCancellationRequested)
            {
                if (budget.IsCancellationRequested)
                {
                    throw Explain(
                        string.Create(CultureInfo.InvariantCulture, $"did not give the writers' table back within {_options.VerifyTimeout.TotalSeconds:0.###} s, so lost commits are not known"),
                        last ?? e);
                }

                last = e;
                await Task.Delay(TimeSpan.FromMilliseconds(100), _time, linked.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ReadBackAsync(CancellationToken cancellationToken)
    {
        var connection = await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            var rows = await connection.BeginBinaryExportAsync($"copy {_table} (writer, number) to stdout (format binary)", cancellationToken).ConfigureAwait(false);
            await using (rows.ConfigureAwait(false))
            {
                while (await rows.StartRowAsync(cancellationToken).ConfigureAwait(false) >= 0)
                {
                    var writer = await rows.ReadAsync<int>(cancellationToken).ConfigureAwait(false);
                    _ledger.Verify(writer, await rows.ReadAsync<long>(cancellationToken).ConfigureAwait(false));
                }
            }
        }
    }

    private async Task DropAsync()
    {
        using var budget = new CancellationTokenSource(DropTimeout, _time);
        LeftBehind = _table;
        while (!budget.IsCancellationRequested)
        {
            try
            {
                var connection = await _source.OpenConnectionAsync(budget.Token).ConfigureAwait(false);
                await using (connection.ConfigureAwait(false))
                {
                    await ExecuteAsync(connection, $"drop table if exists {_table}", budget.Token).ConfigureAwait(false);
                }

                LeftBehind = null;
                return;
            }
            catch (Exception e) when (IsOfRoute(e))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), _time, budget.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(sql, connection);
        await using (command.ConfigureAwait(false))
        {
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private static async ValueTask CloseAsync(WriteLoadConnection? connection)
    {
        if (connection is null)
        {
            return;
        }

        try
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (IsOfRoute(e))
        {
            // It broke before; its error is counted.
        }
    }

    private PgClusterException Explain(string what, Exception cause) => new(
        (cause as PostgresException)?.SqlState switch
        {
            PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification or PostgresErrorCodes.InsufficientPrivilege => Reason.AccessDenied,
            PostgresErrorCodes.InvalidSchemaName or PostgresErrorCodes.InvalidCatalogName => Reason.InvalidArgument,
            _ => Reason.PostgresUnavailable,
        },
        $"the clients' route {_uri} {what}: {Describe(cause)}", cause);

    private static bool IsOfRoute(Exception e) =>
        e is NpgsqlException or IOException or SocketException or TimeoutException or OperationCanceledException;

    private static string Describe(Exception e) => e switch
    {
        PostgresException server => $"{server.SqlState}: {server.MessageText}",
        { InnerException: { } inner } => $"{e.Message}: {Describe(inner)}",
        _ => e.Message,
    };

    private static string Quote(string identifier) => $"\"{identifier.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
