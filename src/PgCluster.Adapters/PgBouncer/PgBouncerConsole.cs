using System.Globalization;
using PgCluster.Engine.Pooling;

namespace PgCluster.Adapters.PgBouncer;

/// <summary>
/// The admin console of a PgBouncer (1.18 or later) over one kept connection, opened on first use and again when it broke.
/// A pause has two connections of its own, so that everything else can be asked, and the pause lifted, while it waits; <see cref="PreparePauseAsync"/> opens them in
/// advance, for a pause that clients fail without.
/// <para>
/// A pause is made twice over. PAUSE of each database is what SHOW DATABASES shows, survives a RELOAD, and is not lifted by a RESUME somebody
/// else sends; the global PAUSE after it covers databases that PgBouncer makes on demand or a RELOAD adds, and answers when every server
/// connection is released. The order is not free: under a global pause PgBouncer refuses to pause a database.
/// </para>
/// <para>
/// A token that ends during any other call than a pause throws <see cref="OperationCanceledException"/>.
/// </para>
/// </summary>
public sealed class PgBouncerConsole : IPoolerConsole
{
    private static readonly TimeSpan LiftBudget = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LiftRetry = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(1);

    private readonly PgBouncerAddress _address;
    private readonly string _user;
    private readonly string _password;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly SemaphoreSlim _pauseGate = new(1, 1);
    private readonly Lock _sync = new();
    private readonly HashSet<string> _pausedByUs = new(StringComparer.Ordinal);
    private WireConnection? _kept;
    private PauseConnections? _ready;
    private IReadOnlyList<string> _served = [];
    private CancellationTokenSource? _pauseInFlight;
    private bool _keptIsAdmin;
    private bool _disposed;

    /// <summary>Makes a console; nothing is connected yet.</summary>
    /// <param name="address">Where the PgBouncer listens: host and port, or directory of its socket and port.</param>
    /// <param name="user">A user of its admin_users.</param>
    /// <param name="password">The user's password; may be empty. Never in any message.</param>
    /// <param name="timeProvider">Clock of waits and budgets.</param>
    public PgBouncerConsole(PgBouncerAddress address, string user, string password, TimeProvider timeProvider)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentException.ThrowIfNullOrEmpty(user);
        _address = address;
        _user = user;
        _password = password;
        _time = timeProvider;
    }

    /// <inheritdoc/>
    public async Task PreparePauseAsync(CancellationToken cancellationToken)
    {
        if (!await _pauseGate.WaitAsync(TimeSpan.Zero, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        try
        {
            var connections = await ConnectPauseAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await connections.TryAsync(cancellationToken).ConfigureAwait(false);
                _served = Served(await ShowDatabasesAsync(cancellationToken).ConfigureAwait(false));
            }
            catch
            {
                await connections.DisposeAsync().ConfigureAwait(false);
                throw;
            }

            _ready = connections;
        }
        catch (Exception exception) when (exception is IOException or ServerErrorException)
        {
            throw Unreachable("SHOW VERSION", exception, "");
        }
        finally
        {
            _pauseGate.Release();
        }
    }

    /// <inheritdoc/>
    public async Task PauseAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _pauseGate.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception)
        {
            throw PauseTimeout("another pause of it was under way", exception);
        }

        using var source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var touched = false;
        try
        {
            lock (_sync)
            {
                _pauseInFlight = source;
            }

            // Everything that a pause or its end needs is connected before the first client waits.
            var connections = await ConnectPauseAsync(source.Token).ConfigureAwait(false);
            await using var disposal = connections.ConfigureAwait(false);

            touched = true;
            var marked = _served;
            var shown = await PauseEachAsync(connections.Each, marked, source.Token).ConfigureAwait(false);
            if (Served(shown).Except(marked, StringComparer.Ordinal).ToArray() is { Length: > 0 } added)
            {
                // Since the connections were made ready.
                var each = await OpenAsync(source.Token).ConfigureAwait(false);
                await using var eachDisposal = each.ConfigureAwait(false);
                await PauseEachAsync(each, added, source.Token).ConfigureAwait(false);
            }

            var answer = await connections.Global.QueryAsync("PAUSE", source.Token).ConfigureAwait(false);
            if (answer.Error is { } refusal)
            {
                await AcceptIfPausedAsync(refusal, source.Token).ConfigureAwait(false);
            }

            source.Token.ThrowIfCancellationRequested();
        }
        catch (Exception exception)
        {
            // A pause outlives its connection: whatever went wrong, nobody may be left waiting.
            var lifted = !touched || await TryLiftAsync().ConfigureAwait(false);
            var suffix = lifted ? "" : "; it could not be resumed again and may still be paused";
            if (source.IsCancellationRequested)
            {
                throw PauseTimeout(
                    (cancellationToken.IsCancellationRequested ? "server connections were still in use" : "it was resumed meanwhile") + suffix, exception);
            }

            throw Unreachable("PAUSE", exception, suffix);
        }
        finally
        {
            lock (_sync)
            {
                _pauseInFlight = null;
            }

            _pauseGate.Release();
        }
    }

    /// <inheritdoc/>
    public async Task ResumeAsync(CancellationToken cancellationToken)
    {
        lock (_sync)
        {
            // Its call would never return: PgBouncer forgets whom it owes the answer. Not Cancel, which would go on with that call under our lock.
            _ = _pauseInFlight?.CancelAsync();
        }

        await LiftAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task ReloadAsync(CancellationToken cancellationToken) =>
        await AskAsync("RELOAD", static (_, _) => true, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PoolerDatabase>> ShowDatabasesAsync(CancellationToken cancellationToken) =>
        await AskAsync("SHOW DATABASES", static (result, _) => ReadDatabases(result), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PoolerServer>> ShowServersAsync(CancellationToken cancellationToken) =>
        await AskAsync("SHOW SERVERS", static (result, _) => ReadServers(result), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task KillAsync(IReadOnlyCollection<string> databases, CancellationToken cancellationToken)
    {
        lock (_sync)
        {
            // KILL leaves a database paused.
            _pausedByUs.UnionWith(databases);
        }

        try
        {
            var answers = await UseAsync(
                "KILL",
                (connection, token) => connection.QueryAllAsync(
                    [.. databases.SelectMany(name => new[] { ConsoleCommands.On("KILL", name), ConsoleCommands.On("RESUME", name) })], token),
                cancellationToken).ConfigureAwait(false);
            if (answers.FirstOrDefault(answer => answer.Error is not null)?.Error is { } error)
            {
                throw Unreachable("KILL", error, "");
            }
        }
        catch
        {
            await TryLiftAsync().ConfigureAwait(false);
            throw;
        }

        lock (_sync)
        {
            _pausedByUs.ExceptWith(databases);
        }
    }

    /// <inheritdoc/>
    public async Task<PoolerCounts> GetCountsAsync(CancellationToken cancellationToken) =>
        await UseAsync(
            "SHOW POOLS",
            static async (connection, token) =>
            {
                var results = await connection.QueryAllAsync(["SHOW POOLS", "SHOW CONFIG"], token).ConfigureAwait(false);
                results[0].ThrowIfError();
                results[1].ThrowIfError();
                var pools = results[0];
                int active = 0, waiting = 0, servers = 0;
                for (var row = 0; row < pools.RowCount; row++)
                {
                    if (pools.Text(row, "database") is not PoolerDatabase.ConsoleName)
                    {
                        active += pools.Number(row, "cl_active");
                        waiting += pools.Number(row, "cl_waiting");
                        servers += pools.Number(row, "sv_active");
                    }
                }

                return new PoolerCounts(active, waiting, servers, Setting(results[1], "pool_mode"), Version(connection)) { Settings = Settings(results[1]) };
            },
            cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task DisableAsync(string? database, CancellationToken cancellationToken) =>
        await OnDatabasesAsync("DISABLE", database, cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task EnableAsync(string? database, CancellationToken cancellationToken) =>
        await OnDatabasesAsync("ENABLE", database, cancellationToken).ConfigureAwait(false);

    /// <summary>Closes the connections. A pause stays: see <see cref="ResumeAsync"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        await _gate.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            _disposed = true;
            await DropAsync().ConfigureAwait(false);
            if (Interlocked.Exchange(ref _ready, null) is { } ready)
            {
                await ready.DisposeAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    private static List<string> Served(IReadOnlyList<PoolerDatabase> databases) =>
        [.. databases.Where(database => !database.IsConsole).Select(database => database.Name)];

    internal static List<PoolerDatabase> ReadDatabases(QueryResult result)
    {
        var databases = new List<PoolerDatabase>(result.RowCount);
        for (var row = 0; row < result.RowCount; row++)
        {
            databases.Add(new PoolerDatabase(
                result.Text(row, "name") ?? "",
                result.Text(row, "host"),
                result.Number(row, "port"),
                result.Text(row, "database") ?? "",
                result.Text(row, "pool_mode"),
                result.Number(row, "current_connections"),
                result.Number(row, "paused") != 0,
                result.Number(row, "disabled") != 0));
        }

        return databases;
    }

    private static List<PoolerServer> ReadServers(QueryResult result)
    {
        var servers = new List<PoolerServer>(result.RowCount);
        for (var row = 0; row < result.RowCount; row++)
        {
            servers.Add(new PoolerServer(
                result.Text(row, "database") ?? "", result.Text(row, "addr") ?? "", result.Number(row, "port"), result.Text(row, "state") is "active" or "new"));
        }

        return servers;
    }

    private static string Setting(QueryResult config, string key)
    {
        for (var row = 0; row < config.RowCount; row++)
        {
            if (config.Text(row, "key") == key)
            {
                return config.Text(row, "value") ?? "";
            }
        }

        return "";
    }

    private static PoolerSettings Settings(QueryResult config)
    {
        return new PoolerSettings
        {
            QueryWaitTimeoutSeconds = Number("query_wait_timeout"),
            QueryTimeoutSeconds = Number("query_timeout"),
            ServerLoginRetrySeconds = Number("server_login_retry"),
            TcpUserTimeoutMilliseconds = Number("tcp_user_timeout"),
        };

        double? Number(string key) => double.TryParse(Setting(config, key), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : null;
    }

    private static string Version(WireConnection connection) =>
        connection.Parameters.TryGetValue("server_version", out var version) ? version.Split('/')[0] : "";

    /// <summary>The connections of a pause, of somebody who may pause: those made ready before, or new ones, and then what is served is known anew too.</summary>
    private async Task<PauseConnections> ConnectPauseAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _ready, null) is { } ready)
        {
            if (ready.AreOpen)
            {
                return ready;
            }

            await ready.DisposeAsync().ConfigureAwait(false);
        }

        _served = Served(await ShowDatabasesAsync(cancellationToken).ConfigureAwait(false));
        await ProveAdministratorAsync(cancellationToken).ConfigureAwait(false);
        var each = await OpenAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return new PauseConnections(each, await OpenAsync(cancellationToken).ConfigureAwait(false));
        }
        catch
        {
            await each.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Marks these databases as paused, without waiting for their server connections: the global PAUSE waits for all of them at once.
    /// The marks are sent in one write, so that all databases begin to queue together. Returns what is shown then.
    /// </summary>
    private async Task<IReadOnlyList<PoolerDatabase>> PauseEachAsync(WireConnection each, IReadOnlyList<string> databases, CancellationToken cancellationToken)
    {
        if (databases.Count == 0)
        {
            return await ShowDatabasesAsync(cancellationToken).ConfigureAwait(false);
        }

        lock (_sync)
        {
            _pausedByUs.UnionWith(databases);
        }

        await each.SendAsync([.. databases.Select(name => ConsoleCommands.On("PAUSE", name))], cancellationToken).ConfigureAwait(false);
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var answers = ReceiveAllAsync(each, databases.Count, reading.Token);
        try
        {
            // One that has to wait gets no answer of its own when another of the same connection waits too, so what counts is what is shown.
            while (true)
            {
                // Answered and yet not marked: refused, because a global pause is in force (which the caller finds out), or the database is gone.
                var answered = answers.IsCompletedSuccessfully;
                var shown = await ShowDatabasesAsync(cancellationToken).ConfigureAwait(false);
                if (answered || shown.All(database => database.Paused || !databases.Contains(database.Name)))
                {
                    return shown;
                }

                if (answers.IsFaulted)
                {
                    await answers.ConfigureAwait(false);
                }

                await Task.Delay(PollInterval, _time, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            await reading.CancelAsync().ConfigureAwait(false);
            await answers.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task ReceiveAllAsync(WireConnection connection, int count, CancellationToken cancellationToken)
    {
        for (var i = 0; i < count; i++)
        {
            var result = await connection.ReceiveAsync(cancellationToken).ConfigureAwait(false);
            if (result.Error is { SqlState: not ConsoleCommands.Refused } error)
            {
                throw error;
            }
        }
    }

    /// <summary>
    /// An administrator's PAUSE is refused for one cause only, a pause in force. So what is proven is the right to pause; the wait is then for the
    /// server connections, because whoever paused may be waiting still.
    /// </summary>
    private async Task AcceptIfPausedAsync(ServerErrorException refusal, CancellationToken cancellationToken)
    {
        if (refusal.SqlState != ConsoleCommands.Refused)
        {
            throw refusal;
        }

        await ProveAdministratorAsync(cancellationToken).ConfigureAwait(false);
        while (await AskAsync("SHOW POOLS", static (pools, _) => HasServersInUse(pools), cancellationToken).ConfigureAwait(false))
        {
            await Task.Delay(PollInterval, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static bool HasServersInUse(QueryResult pools)
    {
        for (var row = 0; row < pools.RowCount; row++)
        {
            if (pools.Text(row, "database") is not PoolerDatabase.ConsoleName
                && pools.Number(row, "sv_active") + pools.Number(row, "sv_tested") > 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// SQLSTATE 08P01 also means "admin access needed". Setting a setting to what it is changes nothing and needs the same right.
    /// </summary>
    private async Task ProveAdministratorAsync(CancellationToken cancellationToken) =>
        await UseAsync(
            "SET",
            async (connection, token) =>
            {
                if (!_keptIsAdmin)
                {
                    var config = await connection.QueryAsync("SHOW CONFIG", token).ConfigureAwait(false);
                    config.ThrowIfError();
                    var value = Setting(config, "verbose");
                    var answer = await connection.QueryAsync(
                        string.Create(CultureInfo.InvariantCulture, $"SET verbose = '{value}'"), token).ConfigureAwait(false);
                    answer.ThrowIfError();
                    _keptIsAdmin = true;
                }

                return true;
            },
            cancellationToken).ConfigureAwait(false);

    private async Task<bool> TryLiftAsync()
    {
        using var budget = new CancellationTokenSource(LiftBudget, _time);
        while (true)
        {
            try
            {
                await LiftAsync(budget.Token).ConfigureAwait(false);
                return true;
            }
            catch (Exception exception) when (exception is PgClusterException or OperationCanceledException)
            {
                if (budget.IsCancellationRequested)
                {
                    return false;
                }
            }

            await Task.Delay(LiftRetry, _time, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// RESUME and not a cancel request: a cancel lifts the global pause only, and answers nothing. Databases first and the global pause
    /// last, so that all clients go on together.
    /// </summary>
    private async Task LiftAsync(CancellationToken cancellationToken)
    {
        ServerErrorException? refusal = null;
        while (true)
        {
            var paused = await UseAsync("SHOW DATABASES", FindPausedAsync, cancellationToken).ConfigureAwait(false);
            var answers = await UseAsync(
                "RESUME",
                (connection, token) => connection.QueryAllAsync([.. paused.Select(name => ConsoleCommands.On("RESUME", name)), "RESUME"], token),
                cancellationToken).ConfigureAwait(false);
            refusal = answers[^1].Error;
            var left = await AskAsync("SHOW DATABASES", static (result, _) => ReadDatabases(result), cancellationToken).ConfigureAwait(false);
            if (!left.Any(database => database.Paused))
            {
                break;
            }

            // Refused for want of rights; or somebody pauses while we resume, and the last word is not spoken.
            if (answers.FirstOrDefault(answer => answer.Error is not null)?.Error is { } error)
            {
                await ProveAsync(error).ConfigureAwait(false);
            }

            await Task.Delay(PollInterval, _time, cancellationToken).ConfigureAwait(false);
        }

        if (refusal is not null)
        {
            await ProveAsync(refusal).ConfigureAwait(false);
        }

        lock (_sync)
        {
            _pausedByUs.Clear();
        }

        async Task ProveAsync(ServerErrorException error)
        {
            if (error.SqlState != ConsoleCommands.Refused)
            {
                throw Unreachable("RESUME", error, "");
            }

            await ProveAdministratorAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// What may be under a pause of its own. A database made on demand vanishes from SHOW DATABASES when it is idle, its pause with it, and comes back
    /// paused with its next client: so those with a pool and those we paused ourselves are resumed too, shown or not.
    /// </summary>
    private async Task<HashSet<string>> FindPausedAsync(WireConnection connection, CancellationToken cancellationToken)
    {
        var results = await connection.QueryAllAsync(["SHOW DATABASES", "SHOW POOLS"], cancellationToken).ConfigureAwait(false);
        results[0].ThrowIfError();
        results[1].ThrowIfError();
        var shown = ReadDatabases(results[0]);
        HashSet<string> paused = new(StringComparer.Ordinal);
        for (var row = 0; row < results[1].RowCount; row++)
        {
            paused.Add(results[1].Text(row, "database") ?? "");
        }

        lock (_sync)
        {
            paused.UnionWith(_pausedByUs);
        }

        paused.ExceptWith(shown.Where(database => !database.Paused).Select(database => database.Name));
        paused.UnionWith(shown.Where(database => database.Paused).Select(database => database.Name));
        paused.Remove(PoolerDatabase.ConsoleName);
        return paused;
    }

    private async Task OnDatabasesAsync(string command, string? database, CancellationToken cancellationToken)
    {
        var names = database is null ? Served(await ShowDatabasesAsync(cancellationToken).ConfigureAwait(false)) : [database];
        var answers = await UseAsync(
            command,
            (connection, token) => connection.QueryAllAsync([.. names.Select(name => ConsoleCommands.On(command, name))], token),
            cancellationToken).ConfigureAwait(false);
        if (answers.FirstOrDefault(answer => answer.Error is not null)?.Error is { } error)
        {
            throw Unreachable(command, error, "");
        }
    }

    private async Task<T> AskAsync<T>(string command, Func<QueryResult, WireConnection, T> read, CancellationToken cancellationToken) =>
        await UseAsync(
            command,
            async (connection, token) =>
            {
                var result = await connection.QueryAsync(command, token).ConfigureAwait(false);
                result.ThrowIfError();
                return read(result, connection);
            },
            cancellationToken).ConfigureAwait(false);

    /// <summary>Runs on the kept connection. Everything asked there may be asked twice, so one that has died since its last use costs one retry.</summary>
    private async Task<T> UseAsync<T>(
        string command, Func<WireConnection, CancellationToken, Task<T>> use, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            while (true)
            {
                var reused = _kept is { IsBroken: false };
                try
                {
                    ObjectDisposedException.ThrowIf(_disposed, this);
                    if (!reused)
                    {
                        await DropAsync().ConfigureAwait(false);
                        _kept = await OpenAsync(cancellationToken).ConfigureAwait(false);
                    }

                    return await use(_kept!, cancellationToken).ConfigureAwait(false);
                }
                catch (IOException) when (reused)
                {
                    await DropAsync().ConfigureAwait(false);
                }
                catch (Exception exception) when (exception is IOException or ServerErrorException)
                {
                    throw Unreachable(command, exception, "");
                }
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task DropAsync()
    {
        _keptIsAdmin = false;
        if (_kept is { } connection)
        {
            _kept = null;
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }

    private Task<WireConnection> OpenAsync(CancellationToken cancellationToken) =>
        WireConnection.OpenAsync(_address, _user, _password, PoolerDatabase.ConsoleName, cancellationToken);

    private PgClusterException PauseTimeout(string cause, Exception inner) =>
        new(Reason.PauseTimeout, $"PgBouncer at {_address} did not reach the paused state in time: {cause}.", inner) { Target = _address.ToString() };

    private PgClusterException Unreachable(string command, Exception exception, string suffix) =>
        exception is PgClusterException { Reason: Reason.PoolerUnreachable } known && suffix.Length == 0
            ? known
            : new PgClusterException(
                Reason.PoolerUnreachable, $"PgBouncer at {_address} did not do {command}: {exception.Message}{suffix}.", exception)
            { Target = _address.ToString() };

    /// <summary>One connection to mark databases on, and one to wait on.</summary>
    private sealed record PauseConnections(WireConnection Each, WireConnection Global) : IAsyncDisposable
    {
        public bool AreOpen => Each.IsOpen && Global.IsOpen;

        /// <summary>Asks something on both.</summary>
        public async Task TryAsync(CancellationToken cancellationToken)
        {
            foreach (var connection in new[] { Each, Global })
            {
                (await connection.QueryAsync("SHOW VERSION", cancellationToken).ConfigureAwait(false)).ThrowIfError();
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Each.DisposeAsync().ConfigureAwait(false);
            await Global.DisposeAsync().ConfigureAwait(false);
        }
    }
}
