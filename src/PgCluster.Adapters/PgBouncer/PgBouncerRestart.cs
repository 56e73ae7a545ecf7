using System.Collections;
using System.Globalization;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Pooling;
using OsProcess = System.Diagnostics.Process;

namespace PgCluster.Adapters.PgBouncer;

/// <summary>
/// Restarts a PgBouncer of this host under its clients, by its own option -R: the new process asks the old one to stand still (SUSPEND), gets its sockets (SHOW FDS), ends it (SHUTDOWN) and goes on. What is started is
/// what runs, read from the host: nobody can ask for another program.
/// <para>
/// PgBouncer leaves its clients standing when the new process dies in between, and after suspend_timeout drops those it still waits for. So a connection to the old process is kept all the way, and until the old one
/// has ended everything can be taken back: the new one is ended, and the old one let go on, before PgBouncer drops anybody.
/// </para>
/// </summary>
/// <param name="cluster">The cluster's name.</param>
/// <param name="pooler">The pooler's name.</param>
/// <param name="address">Its console.</param>
/// <param name="user">A user of its admin_users.</param>
/// <param name="password">The user's password; may be empty.</param>
/// <param name="time">Clock of waits and budgets.</param>
public sealed class PgBouncerRestart(string cluster, string pooler, PgBouncerAddress address, string user, string password, TimeProvider time)
{
    /// <summary>Marks the new process, in its environment.</summary>
    internal const string Marker = "PGCLUSTER_SUCCESSOR";

    private static readonly TimeSpan AnswerBudget = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan QuietBudget = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SwitchBudget = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(2);

    // Of the service manager of the old process, which the new one has none of; with the first of them PgBouncer refuses -R.
    private static readonly string[] NotInherited = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "INVOCATION_ID"];

    /// <summary>What would be restarted, and what would become of its clients. Changes nothing.</summary>
    /// <param name="mayDrop">Whether clients that cannot be handed over may be dropped.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="PgClusterException">
    /// It cannot be restarted like that: <see cref="Reason.PreflightFailed"/>, <see cref="Reason.AccessDenied"/>, <see cref="Reason.MissingProgram"/>, <see cref="Reason.NotSupportedHere"/>;
    /// <see cref="Reason.PoolerUnreachable"/>.
    /// </exception>
    public async Task<PoolerRestart> PlanAsync(bool mayDrop, CancellationToken cancellationToken)
    {
        var console = await OpenAsync(cancellationToken).ConfigureAwait(false);
        await using var disposal = console.ConfigureAwait(false);
        var (look, process) = await FindAsync(console, mayDrop, cancellationToken).ConfigureAwait(false);
        return Describe(look, process);
    }

    /// <summary>Waits until nobody waits for a connection to a server, at most a few seconds: who does would be dropped.</summary>
    /// <exception cref="PgClusterException">As <see cref="PlanAsync"/>; also <see cref="Reason.PreflightFailed"/> when somebody always waits.</exception>
    public async Task WaitUntilCalmAsync(bool mayDrop, CancellationToken cancellationToken)
    {
        var console = await OpenAsync(cancellationToken).ConfigureAwait(false);
        await using var disposal = console.ConfigureAwait(false);
        var began = time.GetTimestamp();
        while ((await FindAsync(console, mayDrop, cancellationToken).ConfigureAwait(false)).Look is { Waiting: > 0 } busy)
        {
            if (time.GetElapsedTime(began) > QuietBudget)
            {
                throw PoolerRestartRule.Busy(pooler, busy);
            }

            await Task.Delay(Interval, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Restarts it. Ends within half a minute, one way or the other.</summary>
    /// <param name="mayDrop">Whether clients that cannot be handed over may be dropped.</param>
    /// <exception cref="PgClusterException">
    /// As <see cref="PlanAsync"/>; <see cref="Reason.RolledBack"/>: the new process did not come to it, and the old one goes on; <see cref="Reason.NeedsOperator"/>: the old one has ended, and the new one does not answer.
    /// </exception>
    public async Task<PoolerRestart> RunAsync(bool mayDrop)
    {
        using var budget = new CancellationTokenSource(AnswerBudget, time);
        var console = await OpenAsync(budget.Token).ConfigureAwait(false);
        await using var disposal = console.ConfigureAwait(false);
        var (before, old) = await FindAsync(console, mayDrop, budget.Token).ConfigureAwait(false);
        var mark = Guid.NewGuid().ToString("n");
        var (log, own) = (LogOf(before, old), LogFileOf(before, old));
        var (logBefore, ownBefore) = (LogTail.Length(log), LogTail.Length(own));
        var began = time.GetTimestamp();
        using var child = await DetachedProcess.StartAsync(Successor(old, mark), log, budget.Token).ConfigureAwait(false);
        if (!await IsTakenOverAsync(console, child, mark, before).ConfigureAwait(false) && !await TakeBackAsync(console, mark).ConfigureAwait(false))
        {
            throw new PgClusterException(Reason.RolledBack, string.Create(
                CultureInfo.InvariantCulture,
                $"The new PgBouncer of {pooler}, {old.Program}, did not take over, and the old one (process {old.Pid}) goes on with all its clients. The new one said: {Said()}")) { Target = pooler };
        }

        try
        {
            var (after, now) = await MeetAsync(before, mark).ConfigureAwait(false);
            return Describe(before, old) with
            {
                NewPid = now,
                NewVersion = after.Version,
                ClientsKept = Common(before.Clients, after.Clients),
                ServersKept = Common(before.Servers, after.Servers),
                Changes = PoolerRestartRule.Changes(before, after),
                ElapsedMs = time.GetElapsedTime(began).TotalMilliseconds,
            };
        }
        catch (Exception e) when (e is IOException or ServerErrorException or OperationCanceledException)
        {
            throw new PgClusterException(
                Reason.NeedsOperator,
                string.Create(CultureInfo.InvariantCulture, $"The old PgBouncer of {pooler} (process {old.Pid}) has ended, and the new one does not answer at {address}: start it by its service. It said: {Said()}"), e)
            { Target = pooler };
        }

        string Said() => LogTail.Length(log) > logBefore || own.Length == 0 ? LogTail.Read(log, logBefore) : LogTail.Read(own, ownBefore);
    }

    private static int Common(IReadOnlyList<string> before, IReadOnlyList<string> after)
    {
        var now = after.CountBy(one => one).ToDictionary();
        return before.CountBy(one => one).Sum(one => Math.Min(one.Value, now.GetValueOrDefault(one.Key)));
    }

    /// <summary>Where the new process writes what it says before it has a log of its own: where the old one wrote to.</summary>
    private static string LogOf(PoolerLook look, PoolerProcess old) => old.ErrorFile is not ("" or "/dev/null") ? old.ErrorFile
        : PgBouncerArguments.AreOfDaemon(old.Arguments) && LogFileOf(look, old) is { Length: > 0 } own ? own
        : "/dev/null";

    private static string LogFileOf(PoolerLook look, PoolerProcess old) =>
        look.Setting("logfile") is { Length: > 0 } file ? Path.Combine(ProcessStat.ReadWorkingDirectory(old.Pid) ?? "/", file) : "";

    private static ProgramCommand Successor(PoolerProcess old, string mark)
    {
        var its = PoolerProcesses.EnvironmentOf(old.Pid);
        var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(entry => (string)entry.Key).Concat(NotInherited).Distinct(StringComparer.Ordinal)
            .ToDictionary(name => name, _ => (string?)null, StringComparer.Ordinal);
        foreach (var (name, value) in its.Where(variable => !NotInherited.Contains(variable.Key)))
        {
            environment[name] = value;
        }

        environment[Marker] = mark;
        return new ProgramCommand(old.Program, PgBouncerArguments.ForSuccessor(old.Arguments))
        {
            Account = old.UserId == OsAccount.CurrentUserId ? null : OsAccount.ToActAs(string.Create(CultureInfo.InvariantCulture, $"/proc/{old.Pid}")),
            WorkingDirectory = ProcessStat.ReadWorkingDirectory(old.Pid),
            Environment = environment,
            Niceness = Math.Max(0, (ProcessStat.Read(old.Pid)?.Niceness ?? 0) - (ProcessStat.Read(Environment.ProcessId)?.Niceness ?? 0)),
        };
    }

    /// <summary>The new process: the one that was started, or the one it has become in the background.</summary>
    private static List<ProcessIdentity> Marked(string mark) => [.. ProcessStat.AllPids().Where(pid => ProcessStat.HasEnvironment(pid, Marker, mark)).Select(ProcessIdentity.Find).OfType<ProcessIdentity>()];

    private async Task<WireConnection> OpenAsync(CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PgClusterException(Reason.NotSupportedHere, "PgBouncer hands its connections over on Linux only.") { Target = pooler };
        }

        try
        {
            return await WireConnection.OpenAsync(address, user, password, PoolerDatabase.ConsoleName, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ServerErrorException)
        {
            throw Unreachable(e);
        }
    }

    private async Task<(PoolerLook Look, PoolerProcess Process)> FindAsync(WireConnection console, bool mayDrop, CancellationToken cancellationToken)
    {
        try
        {
            var look = await PoolerLooks.ReadAsync(console, cancellationToken).ConfigureAwait(false);
            if (PoolerRestartRule.ObjectionOf(pooler, look, mayDrop) is { } objection)
            {
                throw objection;
            }

            var process = FindProcess(console, look);
            return PoolerRestartRule.ObjectionOf(pooler, look, process, PoolerProcesses.Keeper) is { } other ? throw other
                : File.Exists(process.Program) ? (look, process)
                : throw new PgClusterException(Reason.MissingProgram, $"PgBouncer of {pooler} was started from {process.Program}, which is not there any more: install it again.") { Target = pooler };
        }
        catch (Exception e) when (e is IOException or ServerErrorException)
        {
            throw Unreachable(e);
        }
    }

    /// <summary>The process that listens where a new one asks for its connections; over TCP also the one that this console is spoken to with, because a host elsewhere may have the same directory.</summary>
    private PoolerProcess FindProcess(WireConnection console, PoolerLook look)
    {
        var path = look.SocketPath;
        if (SocketOwners.FindListening(path) is not { } listening
            || (console.Ends is { } ends && SocketOwners.FindEnd(ends.Server, ends.Client) is null))
        {
            throw new PgClusterException(
                Reason.PreflightFailed,
                $"PgBouncer of {pooler} does not run where its keeper does: only a keeper on the same host, and in the same container, can start another in its place.") { Target = pooler };
        }

        var pid = SocketOwners.Find(listening);
        if (pid == 0)
        {
            throw new PgClusterException(Reason.AccessDenied, string.Create(
                CultureInfo.InvariantCulture,
                $"PgBouncer of {pooler} belongs to another user than its keeper (id {OsAccount.CurrentUserId}), or was started by root and became that user: run both under one user, or restart it by its service.")) { Target = pooler };
        }

        return console.Ends is { } mine && SocketOwners.FindEnd(mine.Server, mine.Client) is { } end && !SocketOwners.Has(pid, end)
            ? throw new PgClusterException(Reason.PreflightFailed, $"The PgBouncer that listens at {path} is not the one at {address}: give each of them a unix_socket_dir of its own.") { Target = pooler }
            : PoolerProcesses.Read(pid);
    }

    /// <summary>True when the old process has ended; false when the new one did, or has not come to it in time.</summary>
    private async Task<bool> IsTakenOverAsync(WireConnection console, OsProcess child, string mark, PoolerLook look)
    {
        // PgBouncer drops who keeps it from handing over after suspend_timeout.
        var suspend = double.TryParse(look.Setting("suspend_timeout"), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds > 0 ? TimeSpan.FromSeconds(seconds / 2) : SwitchBudget;
        var limit = suspend < SwitchBudget ? suspend : SwitchBudget;
        var began = time.GetTimestamp();
        while (time.GetElapsedTime(began) < limit)
        {
            if (!await AnswersAsync(console).ConfigureAwait(false))
            {
                return true;
            }

            if (child.HasExited && Marked(mark).Count == 0)
            {
                // It may have ended the old one just before.
                return !await AnswersAsync(console).ConfigureAwait(false);
            }

            await Task.Delay(Interval, time, CancellationToken.None).ConfigureAwait(false);
        }

        return false;
    }

    /// <summary>Lets the old process go on without the new one. True when the old one has ended all the same, and the new one goes on.</summary>
    private async Task<bool> TakeBackAsync(WireConnection console, string mark)
    {
        var started = Marked(mark);
        foreach (var one in started)
        {
            one.Signal(UnixSignal.Stop);
        }

        // What it had said before it was stopped, SHUTDOWN perhaps, has been heard by then.
        await Task.Delay(Settling, time, CancellationToken.None).ConfigureAwait(false);
        if (!await AnswersAsync(console).ConfigureAwait(false))
        {
            foreach (var one in started)
            {
                one.Signal(UnixSignal.Continue);
            }

            return true;
        }

        try
        {
            // Refused when it had not been suspended yet.
            await console.QueryAsync("RESUME", CancellationToken.None).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // It ended, for another cause; the message has the log.
        }

        foreach (var one in started)
        {
            one.Signal(UnixSignal.Kill);
        }

        return false;
    }

    private async Task<bool> AnswersAsync(WireConnection console)
    {
        try
        {
            using var budget = new CancellationTokenSource(AnswerBudget, time);
            await console.QueryAsync("SHOW VERSION", budget.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>The new process, once it answers. It reads its file once more: what was written between its first look and the end of the old one was a RELOAD of the old one.</summary>
    private async Task<(PoolerLook Look, int Pid)> MeetAsync(PoolerLook before, string mark)
    {
        using var budget = new CancellationTokenSource(AnswerBudget, time);
        while (true)
        {
            budget.Token.ThrowIfCancellationRequested();
            var pid = SocketOwners.FindListening(before.SocketPath) is { } listening ? SocketOwners.Find(listening) : 0;
            if (pid > 0 && ProcessStat.HasEnvironment(pid, Marker, mark))
            {
                try
                {
                    var console = await WireConnection.OpenAsync(address, user, password, PoolerDatabase.ConsoleName, budget.Token).ConfigureAwait(false);
                    await using var disposal = console.ConfigureAwait(false);
                    (await console.QueryAsync("RELOAD", budget.Token).ConfigureAwait(false)).ThrowIfError();
                    return (await PoolerLooks.ReadAsync(console, budget.Token).ConfigureAwait(false), pid);
                }
                catch (IOException) when (Marked(mark).Count > 0)
                {
                    // It runs, and has until the end of the budget.
                }
            }

            await Task.Delay(Interval, time, budget.Token).ConfigureAwait(false);
        }
    }

    private PoolerRestart Describe(PoolerLook look, PoolerProcess process) => new()
    {
        Cluster = cluster,
        Pooler = pooler,
        Program = process.Program,
        OldPid = process.Pid,
        OldVersion = look.Version,
        Clients = look.Clients.Count,
        Servers = look.Servers.Count,
        Dropped = look.Dropped,
        LosePrepared = look.WithPrepared,
    };

    private PgClusterException Unreachable(Exception exception) =>
        exception as PgClusterException ?? new PgClusterException(Reason.PoolerUnreachable, $"PgBouncer at {address} does not answer: {exception.Message}.", exception) { Target = pooler };
}
