using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Npgsql;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// A PostgreSQL server on this machine. A server it starts is a child of this process, which is how its end is noticed at once and no zombie
/// is taken for a running server; it lives in a session of its own, so it goes on when this process dies, and the next one adopts it. Runs as the
/// owner of the data directory, or as root, which then acts as that owner.
/// </summary>
public sealed partial class LocalPostgresServer : IPostgresServer
{
    private const string StandbySignal = "standby.signal";
    private const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int ProtocolPollMs = 1;
    private static readonly TimeSpan ReloadTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LeftoverPoll = TimeSpan.FromMilliseconds(10);

    private readonly LocalPostgresOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly PostgresConnection _sql;

    // Held while files change or a process is made, never while waiting for PostgreSQL: a stop must not queue behind a start that hangs.
    private readonly SemaphoreSlim _gate = new(1, 1);
    private Child? _child;
    private OsAccount? _owner;
    private long _logOffset;

    /// <summary>Makes it; nothing is touched before the first call.</summary>
    /// <param name="options">Where the server is.</param>
    /// <param name="time">The clock of every wait.</param>
    /// <param name="logger">Where it says what it did.</param>
    public LocalPostgresServer(LocalPostgresOptions options, TimeProvider time, ILogger<LocalPostgresServer> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options with
        {
            LogFile = options.LogFile.Length > 0 ? options.LogFile : Path.TrimEndingDirectorySeparator(options.DataDirectory) + ".log",
        };
        _time = time;
        _logger = logger;
        _sql = new PostgresConnection(_options, time, logger, isGone: () => FindPostmaster() is null);
    }

    /// <inheritdoc/>
    public async Task<PostgresStatus> ProbeAsync(CancellationToken cancellationToken)
    {
        if (FindPostmaster() is not { } postmaster)
        {
            return await ProbeDownAsync(cancellationToken).ConfigureAwait(false);
        }

        try
        {
            var json = await _sql.ScalarAsync(ProbeQuery.Sql, _options.ConnectTimeout, cancellationToken).ConfigureAwait(false);
            var status = ProbeQuery.Parse(json!, postmaster.Pid);
            if (status.PendingSettings.Count > 0)
            {
                status = ProbeQuery.WithPending(status, await ReadPendingAsync(cancellationToken).ConfigureAwait(false));
            }

            if (status.State == NodeState.NotStreaming)
            {
                // Up to 15 a postmaster may go to sleep, for up to a minute, right after it was asked for a WAL receiver. Any signal wakes it, and
                // this one means nothing to it without a message.
                postmaster.Signal(UnixSignal.User1);
            }

            return status;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or JsonException && !cancellationToken.IsCancellationRequested)
        {
            return postmaster.IsRunning
                ? await ProbeSilentAsync(postmaster, e, cancellationToken).ConfigureAwait(false)
                : await ProbeDownAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public Task WaitForExitAsync(CancellationToken cancellationToken) =>

        // Not by way of the runtime, which tells a parent only after it has reaped the child: each moment counts here.
        FindPostmaster() is { } postmaster ? postmaster.WaitForExitAsync(_time, cancellationToken) : Task.CompletedTask;

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        ProcessIdentity postmaster;
        bool isNew;
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var running = FindPostmaster();
            isNew = running is null;
            postmaster = running ?? await Spawn_NeedsGateAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }

        await WaitUntilAcceptingAsync(postmaster, cancellationToken).ConfigureAwait(false);
        if (isNew)
        {
            PostgresLog.Started(_logger, _options.NodeName, postmaster.Pid, ElapsedMs(began));
        }
    }

    /// <inheritdoc/>
    public async Task<PostgresShutdown> StopAsync(ShutdownMode mode, CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        LetGoOfListeners();
        if (FindPostmaster() is { } postmaster)
        {
            if (postmaster.Signal(mode == ShutdownMode.Fast ? UnixSignal.Interrupt : UnixSignal.Quit))
            {
                await WaitForExitAsync(postmaster, cancellationToken).ConfigureAwait(false);
            }
        }

        var control = await ReadControlAsync(cancellationToken).ConfigureAwait(false);
        if (!control.IsClean)
        {
            // Backends of a killed postmaster may still write for a moment; only when they are gone the server is.
            await WaitForBackendsAsync(cancellationToken).ConfigureAwait(false);
        }

        _sql.Forget();
        PostgresLog.Stopped(_logger, _options.NodeName, mode.ToString(), ElapsedMs(began), control.IsClean, control.CheckpointLsn.ToString());
        return control.ToShutdown();
    }

    /// <inheritdoc/>
    public Task CheckpointAsync(CancellationToken cancellationToken) => RunSqlAsync("CHECKPOINT", Timeout.InfiniteTimeSpan, cancellationToken);

    /// <inheritdoc/>
    public async Task<int> PromoteAsync(CancellationToken cancellationToken)
    {
        const string IsStandby = "SELECT pg_is_in_recovery()";
        const string Timeline = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";
        var began = _time.GetTimestamp();
        var postmaster = FindPostmaster() ?? throw Unavailable("cannot be promoted: it does not run");
        try
        {
            var connection = await _sql.OpenAsync(cancellationToken).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                var wasStandby = await PostgresConnection.ScalarAsync(connection, IsStandby, cancellationToken).ConfigureAwait(false) == "True";
                if (wasStandby)
                {
                    // The same two steps as pg_promote and pg_ctl, which then look ten times a second only.
                    var file = Path.Combine(_options.DataDirectory, "promote");
                    await File.WriteAllBytesAsync(file, [], cancellationToken).ConfigureAwait(false);
                    if (!postmaster.Signal(UnixSignal.User1))
                    {
                        File.Delete(file);
                        throw Unavailable("cannot be promoted: its postmaster is gone");
                    }

                    while (await PostgresConnection.ScalarAsync(connection, IsStandby, cancellationToken).ConfigureAwait(false) == "True")
                    {
                        await PollDelayAsync(cancellationToken).ConfigureAwait(false);
                    }
                }

                var text = await PostgresConnection.ScalarAsync(connection, Timeline, cancellationToken).ConfigureAwait(false);
                var timeline = int.Parse(text!, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                if (wasStandby)
                {
                    PostgresLog.Promoted(_logger, _options.NodeName, timeline, ElapsedMs(began));
                }

                return timeline;
            }
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            throw Unavailable("could not be promoted", e);
        }
    }

    /// <inheritdoc/>
    public async Task FollowAsync(UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        await PrepareStandbyAsync(upstream, cancellationToken).ConfigureAwait(false);
        await StartAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary><see cref="FollowAsync"/> without the start of a server that does not run.</summary>
    /// <param name="upstream">Where it is to stream from.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task PrepareStandbyAsync(UpstreamAddress upstream, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(upstream);
        var inForce = await ConnectionInForceAsync(cancellationToken).ConfigureAwait(false);
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var running = FindPostmaster();

            // The file stays as long as the server is a standby and goes with its promotion.
            if (running is { } primary && !File.Exists(InData(StandbySignal)))
            {
                throw Unavailable(string.Create(
                    CultureInfo.InvariantCulture, $"runs as a primary (postmaster {primary.Pid}), so it cannot follow {upstream.Name}: stop it first"));
            }

            var changed = await EditAutoConf_NeedsGateAsync(conf => SetUpstream(conf, upstream, inForce), cancellationToken).ConfigureAwait(false);
            DurableFile.Delete(InData(SealedConnectionFile));
            if (running is { } standby)
            {
                if (changed)
                {
                    standby.Signal(UnixSignal.Hangup);
                }
            }
            else if (!File.Exists(InData(StandbySignal)))
            {
                DurableFile.Write(InData(StandbySignal), "", PrivateFile, Owner);
                changed = true;
            }

            if (changed)
            {
                PostgresLog.Follows(_logger, _options.NodeName, upstream.Name, upstream.Host, upstream.Port);
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public async Task MakePrimaryAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (FindPostmaster() is { } postmaster)
            {
                throw Unavailable(string.Create(
                    CultureInfo.InvariantCulture, $"runs (postmaster {postmaster.Pid}): what it is can only be changed while it is stopped"));
            }

            var control = await ReadControlAsync(cancellationToken).ConfigureAwait(false);
            if (control.State != ControlState.ShutDown)
            {
                // It would go on writing on the timeline it only read, and another server may have done the same.
                throw Unavailable($"was not shut down as a primary (pg_control says {control.State}): promote it instead, that gives it a timeline of its own");
            }

            DurableFile.Delete(InData(StandbySignal));
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public async Task<Lsn> WaitForReplayAsync(Lsn lsn, CancellationToken cancellationToken)
    {
        try
        {
            var connection = await _sql.OpenAsync(cancellationToken).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                while (true)
                {
                    var text = await PostgresConnection.ScalarAsync(
                        connection, "SELECT pg_last_wal_replay_lsn()::text", cancellationToken).ConfigureAwait(false);
                    if (!Lsn.TryParse(text, out var replayed))
                    {
                        throw Unavailable("replays nothing: it is not a standby");
                    }

                    // A record that begins at lsn has been replayed when the position is behind that point, not at it.
                    if (replayed > lsn)
                    {
                        return replayed;
                    }

                    await PollDelayAsync(cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            throw Unavailable($"did not answer while waiting for the replay of {lsn}", e);
        }
    }

    /// <inheritdoc/>
    public async Task SetSynchronousStandbysAsync(string value, CancellationToken cancellationToken)
    {
        const string Setting = "synchronous_standby_names";
        ArgumentNullException.ThrowIfNull(value);
        ProcessIdentity? running;
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await EditAutoConf_NeedsGateAsync(conf => conf.Set(Setting, value), cancellationToken).ConfigureAwait(false);
            running = FindPostmaster();
            running?.Signal(UnixSignal.Hangup);
        }
        finally
        {
            _gate.Release();
        }

        PostgresLog.SynchronousStandbys(_logger, _options.NodeName, value);
        if (running is null)
        {
            return;
        }

        // A value that PostgreSQL cannot read is only complained about in its log, and the old one stays.
        var began = _time.GetTimestamp();
        while (await RunSqlAsync($"SELECT current_setting('{Setting}')", _options.ConnectTimeout, cancellationToken).ConfigureAwait(false) is var seen
            && seen != value)
        {
            if (_time.GetElapsedTime(began) > ReloadTimeout)
            {
                throw Unavailable($"keeps {Setting} = '{seen}' after a reload with '{value}'; its log says why");
            }

            await PollDelayAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async Task<SourcePointer?> ReadPointerAsync(string database, CancellationToken cancellationToken)
    {
        const string Sql = "SELECT current_state::text || ' ' || coalesce(run_id::text, '') FROM pgcluster_switchover.state";
        var sql = new PostgresConnection(_options with { Database = database }, _time, _logger);
        await using (sql.ConfigureAwait(false))
        {
            try
            {
                var row = await sql.ScalarAsync(Sql, _options.ConnectTimeout, cancellationToken).ConfigureAwait(false);
                return row?.Split(' ', 2) is [var state, var run] ? new SourcePointer(state, Guid.TryParse(run, out var id) ? id : null) : null;
            }
            catch (PostgresException e)
                when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName or PostgresErrorCodes.InvalidCatalogName)
            {
                return null;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                throw Unavailable($"does not say where database {database} points to", e);
            }
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<PauseBlocker>> GetOpenTransactionsAsync(TimeSpan olderThan, CancellationToken cancellationToken)
    {
        var seconds = olderThan.TotalSeconds.ToString("R", CultureInfo.InvariantCulture);
        var json = await RunSqlAsync(
            $"""
            SELECT json_agg(json_build_object('pid', pid, 'user', usename, 'database', datname, 'application', application_name, 'state', state,
              'age', extract(epoch FROM clock_timestamp() - xact_start)) ORDER BY xact_start)::text
            FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name <> '{PostgresConnection.ApplicationName}'
              AND xact_start < clock_timestamp() - make_interval(secs => {seconds})
            """,
            _options.ConnectTimeout, cancellationToken).ConfigureAwait(false);
        if (json is null)
        {
            return [];
        }

        using var document = JsonDocument.Parse(json);
        return [.. document.RootElement.EnumerateArray().Select(row => new PauseBlocker
        {
            Node = _options.NodeName,
            Pid = row.GetProperty("pid").GetInt32(),
            User = row.GetProperty("user").GetString() ?? "",
            Database = row.GetProperty("database").GetString() ?? "",
            Application = row.GetProperty("application").GetString() ?? "",
            State = row.GetProperty("state").GetString() ?? "",
            AgeSeconds = row.GetProperty("age").GetDouble(),
        })];
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<ClientSession>> GetSessionsAsync(CancellationToken cancellationToken)
    {
        var json = await RunSqlAsync(
            $"""
            SELECT json_agg(json_build_object('pid', pid, 'user', usename, 'database', datname, 'application', application_name, 'state', state,
              'age', extract(epoch FROM clock_timestamp() - backend_start)) ORDER BY backend_start)::text
            FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
              AND application_name NOT IN ('{PostgresConnection.ApplicationName}', '{ServerProbe.ApplicationName}')
            """,
            _options.ConnectTimeout, cancellationToken).ConfigureAwait(false);
        if (json is null)
        {
            return [];
        }

        using var document = JsonDocument.Parse(json);
        return [.. document.RootElement.EnumerateArray().Select(row => new ClientSession
        {
            Node = _options.NodeName,
            Pid = row.GetProperty("pid").GetInt32(),
            User = row.GetProperty("user").GetString() ?? "",
            Database = row.GetProperty("database").GetString() ?? "",
            Application = row.GetProperty("application").GetString() ?? "",
            State = row.GetProperty("state").GetString() ?? "",
            AgeSeconds = row.GetProperty("age").GetDouble(),
        })];
    }

    /// <inheritdoc/>
    public async Task<int> TerminateSessionsAsync(IReadOnlyList<int> pids, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(pids);
        if (pids.Count == 0)
        {
            return 0;
        }

        // Materialized, because the planner may otherwise call pg_terminate_backend before it looks at the other conditions.
        var list = string.Join(',', pids.Select(pid => pid.ToString(CultureInfo.InvariantCulture)));
        var count = await RunSqlAsync(
            $"""
            WITH victims AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE pid IN ({list}) AND backend_type = 'client backend')
            SELECT count(*) FROM victims WHERE pg_terminate_backend(pid)
            """,
            _options.ConnectTimeout, cancellationToken).ConfigureAwait(false);
        return int.Parse(count!, CultureInfo.InvariantCulture);
    }

    /// <summary>Lets go of the server, which goes on running.</summary>
    public async ValueTask DisposeAsync()
    {
        LetGoOfListeners();
        await _sql.DisposeAsync().ConfigureAwait(false);
        _gate.Dispose();
    }

    /// <summary>
    /// primary_conninfo that leads to <paramref name="upstream"/>, keeping whatever else an operator put there (sslmode and the like).
    /// </summary>
    internal string BuildConnectionInfo(string? existing, UpstreamAddress upstream)
    {
        var old = ConnectionInfo.TryParse(existing ?? "") ?? ConnectionInfo.Empty;
        var wanted = old
            .With("application_name", _options.NodeName)
            .With("host", upstream.Host)
            .With("hostaddr", "") // it would win over host
            .With("port", upstream.Port.ToString(CultureInfo.InvariantCulture))
            .With("user", _options.ReplicationUser.Length > 0 ? _options.ReplicationUser : _options.User);
        if (_options.PassFile.Length > 0)
        {
            wanted = wanted.With("passfile", _options.PassFile);
        }

        // The same in other words stays as it is written: PostgreSQL compares the text and would restart the WAL receiver.
        return existing is not null && wanted.SameAs(old) ? existing : wanted.ToString();
    }

    private async Task<string?> ReadPendingAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _sql.ScalarAsync(ProbeQuery.PendingSql, _options.ConnectTimeout, cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            return null;
        }
    }

    private async Task<PostgresStatus> ProbeDownAsync(CancellationToken cancellationToken)
    {
        var status = new PostgresStatus { State = NodeState.Unknown };
        try
        {
            var control = await ReadControlAsync(cancellationToken).ConfigureAwait(false);

            // A base backup carries its source's pg_control: it has never run, let alone crashed.
            var isFreshBackup = !control.IsClean && File.Exists(InData("backup_label"));
            return status with
            {
                State = control.IsClean || isFreshBackup ? NodeState.Stopped : NodeState.Crashed,
                Data = DataDirectoryState.Cluster,
                Role = RoleOnDisk(),
                Timeline = control.Timeline,
                Lsn = control.CheckpointLsn,
                SystemIdentifier = control.SystemIdentifier.ToString(CultureInfo.InvariantCulture),
                ServerVersion = PostgresBinaries.ReadMajor(_options.DataDirectory)?.ToString(CultureInfo.InvariantCulture),
                Evidence = isFreshBackup
                    ? "no postmaster runs; the data directory is a base backup that was not started yet"
                    : $"no postmaster runs; pg_control says {control.State}, checkpoint {control.CheckpointLsn}",
            };
        }
        catch (Exception e) when (e is PgClusterException or IOException or UnauthorizedAccessException)
        {
            return LookAtDirectory(status with { Evidence = $"no postmaster runs; {e.Message}" });
        }
    }

    private PostgresStatus LookAtDirectory(PostgresStatus status)
    {
        try
        {
            return !Directory.Exists(_options.DataDirectory) || !Directory.EnumerateFileSystemEntries(_options.DataDirectory).Any()
                ? status with { Data = DataDirectoryState.Empty, Evidence = $"there is no server yet: the data directory {_options.DataDirectory} is {(Directory.Exists(_options.DataDirectory) ? "empty" : "missing")}" }
                : File.Exists(InData(Path.Combine("global", "pg_control"))) ? status
                : status with { Data = DataDirectoryState.Other, Evidence = $"the data directory {_options.DataDirectory} is not empty, and what is in it is no database cluster" };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return status with { Evidence = $"the data directory {_options.DataDirectory} cannot be read: {e.Message}" };
        }
    }

    private async Task<PostgresStatus> ProbeSilentAsync(ProcessIdentity postmaster, Exception cause, CancellationToken cancellationToken)
    {
        var file = PostmasterFile.Read(_options.DataDirectory);

        // 57P03: it said itself that it is starting up or shutting down. Before it listens, only its own file says so.
        var isStarting = cause is PostgresException { SqlState: PostgresErrorCodes.CannotConnectNow }
            || file is null || file.Pid != postmaster.Pid || file.Status != "ready";
        var down = await ProbeDownAsync(cancellationToken).ConfigureAwait(false);
        return down with
        {
            State = isStarting ? NodeState.Starting : NodeState.Unknown,
            PostmasterPid = postmaster.Pid,
            Evidence = string.Create(
                CultureInfo.InvariantCulture,
                $"postmaster {postmaster.Pid} runs ({(file is { Status.Length: > 0 } ? file.Status : "starting")}) but does not answer: {Describe(cause)}"),
        };
    }

    /// <summary>Who the server runs as. A data directory that is still to be made belongs to the owner of the directory around it.</summary>
    private OsAccount? Owner => _owner ??= Directory.Exists(_options.DataDirectory) ? OsAccount.ToActAs(_options.DataDirectory)
        : Path.GetDirectoryName(Path.GetFullPath(Path.TrimEndingDirectorySeparator(_options.DataDirectory))) is { } parent && Directory.Exists(parent)
            ? OsAccount.ToActAs(parent)
            : null;

    private NodeRole RoleOnDisk() =>
        File.Exists(InData(StandbySignal)) || File.Exists(InData("recovery.signal")) ? NodeRole.Standby : NodeRole.Primary;

    private ProcessIdentity? FindPostmaster() =>
        _child is { Identity.IsRunning: true } child
            ? child.Identity
            : DataDirectoryProcesses.FindPostmaster(_options.DataDirectory);

    private Task WaitForExitAsync(ProcessIdentity postmaster, CancellationToken cancellationToken) =>
        _child is { } child && child.Identity == postmaster
            ? child.Exit.WaitAsync(cancellationToken)
            : postmaster.WaitForExitAsync(_time, cancellationToken);

    private async Task<ProcessIdentity> Spawn_NeedsGateAsync(CancellationToken cancellationToken)
    {
        if (new RewindWork(_options.DataDirectory).Phase is { } phase and not RewindPhase.None)
        {
            throw Unavailable($"must not be started: a rewind of its data directory did not come to its end ({phase}). Rewind it again, or clone it");
        }

        LetGoOfListeners();
        await ClearLeftoversAsync(cancellationToken).ConfigureAwait(false);
        _child = null;
        _sql.Forget();
        _logOffset = LogTail.Length(_options.LogFile);
        string[] configFile = FindConfigFile() is { Length: > 0 } file ? ["-c", "config_file=" + file] : [];
        var process = await DetachedProcess.StartAsync(
            new ProgramCommand(Path.Combine(FindBinDirectory(), "postgres"), ["-D", _options.DataDirectory, .. configFile])
            {
                Account = Owner,
                WorkingDirectory = "/",

                // An agent may run ahead of others (Nice= of its unit), so that it is not slow when they keep the machine busy; its server may not.
                Niceness = -Math.Min(0, ProcessStat.Read(System.Environment.ProcessId)?.Niceness ?? 0),

                // PostgreSQL would tell systemd of its own starts and stops in this service's name.
                Environment = new Dictionary<string, string?> { ["NOTIFY_SOCKET"] = null },
            },
            _options.LogFile, cancellationToken).ConfigureAwait(false);
        var pid = process.Id;
        var exit = process.WaitForExitAsync(CancellationToken.None);

        // Disposed only when it has ended: before that the runtime would forget to tell those who wait.
        _ = exit.ContinueWith(_ => process.Dispose(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        var identity = ProcessIdentity.Find(pid) ?? throw DiedStarting(pid);
        _child = new Child(identity, exit);
        return identity;
    }

    private async Task WaitUntilAcceptingAsync(ProcessIdentity postmaster, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (!postmaster.IsRunning)
            {
                throw DiedStarting(postmaster.Pid);
            }

            cancellationToken.ThrowIfCancellationRequested();
            if (PostmasterFile.Read(_options.DataDirectory) is { Status: "ready" } file && file.Pid == postmaster.Pid)
            {
                if (file.Port != _options.Port)
                {
                    throw Unavailable(string.Create(
                        CultureInfo.InvariantCulture, $"listens on port {file.Port}, but the cluster's configuration says {_options.Port}"));
                }

                try
                {
                    await _sql.ScalarAsync("SELECT 1", _options.ConnectTimeout, cancellationToken).ConfigureAwait(false);
                    return;
                }
                catch (PostgresException e) when (e.SqlState != PostgresErrorCodes.CannotConnectNow)
                {
                    // A wrong password or a missing database does not get better by waiting.
                    throw Unavailable("started but refuses the agent's connection", e);
                }
                catch (Exception e) when (e is NpgsqlException or TimeoutException)
                {
                    // It says ready a moment before it answers, and on a busy machine an answer takes its time: the caller's token is the budget.
                }
            }

            await PollDelayAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// A postmaster that was killed leaves a file that PostgreSQL believes in as long as any process has that number, its own zombie included, and
    /// backends that hold the shared memory for a moment longer. Waits for both, because a start before that fails.
    /// </summary>
    private async Task ClearLeftoversAsync(CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        while (PostmasterFile.Read(_options.DataDirectory) is { } file && ProcessStat.Read(file.Pid) is { } stat)
        {
            if (!stat.IsZombie)
            {
                // Not one of this data directory, or it would have been found: after a restart of the machine or container numbers repeat.
                // Should backends be left all the same, PostgreSQL sees them by the shared memory they are attached to.
                PostgresLog.StalePidFile(_logger, _options.NodeName, file.Pid);
                File.Delete(InData(PostmasterFile.FileName));
                break;
            }

            if (_time.GetElapsedTime(began) > _options.LeftoverTimeout)
            {
                throw Unavailable(string.Create(
                    CultureInfo.InvariantCulture,
                    $"cannot be started: its postmaster {file.Pid} is dead, but its parent, process {stat.ParentPid}, has not taken notice for {_options.LeftoverTimeout.TotalSeconds:0.###} s, and until then PostgreSQL takes it for alive"));
            }

            await Task.Delay(LeftoverPoll, _time, cancellationToken).ConfigureAwait(false);
        }

        await WaitForBackendsAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task WaitForBackendsAsync(CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        while (DataDirectoryProcesses.FindAll(_options.DataDirectory) is { Count: > 0 } left)
        {
            if (_time.GetElapsedTime(began) > _options.LeftoverTimeout)
            {
                var pids = string.Join(", ", left.Select(process => process.Pid.ToString(CultureInfo.InvariantCulture)));
                throw Unavailable($"has no postmaster, but processes of it still run: {pids}");
            }

            await Task.Delay(LeftoverPoll, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private Task<bool> EditAutoConf_NeedsGateAsync(Func<PostgresAutoConf, bool> edit, CancellationToken cancellationToken) =>
        EditAutoConfAsync(InData(PostgresAutoConf.FileName), edit, cancellationToken);

    /// <summary>Edits such a file; on disk when this returns, unless <paramref name="sync"/> is false: then only its readers see the change.</summary>
    private async Task<bool> EditAutoConfAsync(
        string path, Func<PostgresAutoConf, bool> edit, CancellationToken cancellationToken, bool sync = true)
    {
        var conf = PostgresAutoConf.Parse(
            File.Exists(path) ? await File.ReadAllTextAsync(path, cancellationToken).ConfigureAwait(false) : "");
        bool changed;
        try
        {
            changed = edit(conf);
        }
        catch (ArgumentException e)
        {
            throw new PgClusterException(Reason.InvalidArgument, e.Message, e) { Target = _options.NodeName };
        }

        if (changed)
        {
            if (sync)
            {
                DurableFile.Write(path, conf.ToString(), PrivateFile, Owner);
            }
            else
            {
                DurableFile.Replace(path, conf.ToString(), PrivateFile, Owner, flush: false);
            }
        }

        return changed;
    }

    private async Task<string?> RunSqlAsync(string sql, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            return await _sql.ScalarAsync(sql, timeout, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            throw Unavailable("does not answer", e);
        }
    }

    private Task<ControlFile> ReadControlAsync(CancellationToken cancellationToken) =>
        ControlFile.ReadAsync(_options.DataDirectory, FindBinDirectory, _time, cancellationToken);

    private string FindBinDirectory() =>
        _options.BinDirectory.Length > 0 ? _options.BinDirectory : PostgresBinaries.Find(PostgresBinaries.ReadMajor(_options.DataDirectory));

    private string FindConfigFile()
    {
        if (_options.ConfigFile.Length > 0 || File.Exists(InData("postgresql.conf")))
        {
            return _options.ConfigFile;
        }

        // Debian: data in /var/lib/postgresql/15/main, configuration in /etc/postgresql/15/main.
        var data = new DirectoryInfo(_options.DataDirectory);
        var file = Path.Combine("/etc/postgresql", data.Parent?.Name ?? "", data.Name, "postgresql.conf");
        return File.Exists(file) ? file : "";
    }

    private string InData(string name) => Path.Combine(_options.DataDirectory, name);

    private Task PollDelayAsync(CancellationToken cancellationToken) =>
        Task.Delay(TimeSpan.FromMilliseconds(ProtocolPollMs), _time, cancellationToken);

    private long ElapsedMs(long began) => (long)_time.GetElapsedTime(began).TotalMilliseconds;

    private PgClusterException DiedStarting(int pid) => Unavailable(string.Create(
        CultureInfo.InvariantCulture, $"ended while it was starting (postmaster {pid}). Its log says:\n{LogTail.Read(_options.LogFile, _logOffset)}"));

    private PgClusterException Unavailable(string what, Exception? cause = null) =>
        new(Reason.PostgresUnavailable, $"PostgreSQL of {_options.NodeName} {what}{(cause is null ? "." : $": {Describe(cause)}")}", cause)
        {
            Target = _options.NodeName,
        };

    private static string Describe(Exception cause) =>
        cause is PostgresException postgres ? $"{postgres.SqlState} {postgres.MessageText}" : cause.Message;

    private sealed record Child(ProcessIdentity Identity, Task Exit);
}
