using System.Collections;
using PgCluster.Adapters.Process;

namespace PgCluster.Playground;

/// <summary>A playground while it is being made: starts its processes, and writes each down as soon as it runs.</summary>
internal sealed class PlaygroundRun : IDisposable
{
    /// <summary>Variable that marks the processes of a playground with its id.</summary>
    internal const string Marker = "PLAYGROUND_ID";

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly Dictionary<string, string?> _environment;

    internal PlaygroundRun(PlaygroundState state, BaseDirectory home, PlaygroundPrograms programs, TimeProvider time)
    {
        State = state;
        Home = home;
        Programs = programs;
        Time = time;
        Paths = new PlaygroundPaths(Path.Combine(home.Root, state.Name));
        _environment = CleanEnvironment(Paths.Root);
        _environment[Marker] = state.Id;
    }

    internal PlaygroundState State { get; private set; }

    internal BaseDirectory Home { get; }

    internal PlaygroundPrograms Programs { get; }

    internal PlaygroundPaths Paths { get; }

    internal TimeProvider Time { get; }

    /// <summary>What <see cref="WaitAsync"/> has not seen yet; null when nothing is waited for.</summary>
    internal string? WaitsFor { get; private set; }

    /// <summary>The server that begins as the primary.</summary>
    internal PlaygroundState.Server Primary => State.Servers[0];

    /// <summary>Starts a process in a session of its own and writes it down.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlaygroundFailed"/> with the end of its log when it ends at once.</exception>
    internal async Task StartAsync(string name, string logFile, string program, IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        using var process = await DetachedProcess.StartAsync(
            new ProgramCommand(program, arguments) { Account = Home.Account, WorkingDirectory = Paths.Root, Environment = _environment },
            logFile, cancellationToken).ConfigureAwait(false);
        if (ProcessIdentity.Find(process.Id) is not { } identity)
        {
            throw Ended(name, logFile);
        }

        // Not with the caller's token: a process that runs has to be in the file.
        await SaveAsync(
            state => state with { Processes = [.. state.Processes, new(name, identity.Pid, identity.StartTicks, logFile)] },
            CancellationToken.None).ConfigureAwait(false);
    }

    /// <exception cref="PgClusterException"><see cref="Reason.PlaygroundFailed"/> with the end of its log when a process that was started has ended.</exception>
    internal void ThrowIfAnyEnded()
    {
        foreach (var process in State.Processes)
        {
            if (!new ProcessIdentity(process.Pid, process.StartTicks).IsRunning)
            {
                throw Ended(process.Name, process.LogFile);
            }
        }
    }

    internal async Task SaveAsync(Func<PlaygroundState, PlaygroundState> change, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            State = change(State);
            Write(Paths.State, State.ToJson());
        }
        finally
        {
            _gate.Release();
        }
    }

    internal void Write(string path, string content) =>
        DurableFile.Write(path, content, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead, Home.Account);

    /// <summary>Asks again every few milliseconds until nothing is missing.</summary>
    /// <param name="findMissing">Says what is still missing; null when nothing is.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.PlaygroundFailed"/> when a process ends meanwhile.</exception>
    internal async Task WaitAsync(Func<CancellationToken, Task<string?>> findMissing, CancellationToken cancellationToken)
    {
        while (await findMissing(cancellationToken).ConfigureAwait(false) is { } missing)
        {
            WaitsFor = "waiting for " + missing;
            ThrowIfAnyEnded();
            await Task.Delay(TimeSpan.FromMilliseconds(10), Time, cancellationToken).ConfigureAwait(false);
        }

        WaitsFor = null;
    }

    public void Dispose() => _gate.Dispose();

    private static PgClusterException Ended(string name, string logFile) =>
        new(Reason.PlaygroundFailed, $"{name} ended while the playground was being made. Its log says:\n{LogTail.Read(logFile)}") { Target = name };

    /// <summary>The variables of a process of a playground: the caller's, without those that would speak to these programs.</summary>
    internal static Dictionary<string, string?> CleanEnvironment(string home)
    {
        // PGPORT would speak to postgres, ETCD_NAME to etcd, PGCLUSTER_ to the agents.
        var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(entry => (string)entry.Key)
            .Where(name => name.StartsWith("PG", StringComparison.Ordinal)
                || (name.StartsWith("ETCD_", StringComparison.Ordinal) && name != "ETCD_UNSUPPORTED_ARCH")
                || name == "NOTIFY_SOCKET")
            .ToDictionary(name => name, _ => (string?)null);
        environment["HOME"] = home;

        // A killed .NET process leaves its diagnostics sockets in /tmp.
        environment["DOTNET_EnableDiagnostics"] = "0";
        return environment;
    }
}
