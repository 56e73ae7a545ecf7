using System.Globalization;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Playground.Pacemaker;

namespace PgCluster.Playground;

/// <summary>
/// Takes a playground away. Ends what was started for it and nothing else: a process has to have the pid and the moment of start that were written
/// down, or the playground's mark in its environment, or be PostgreSQL working in one of its data directories; and it has to run under its user.
/// </summary>
internal sealed class PlaygroundRemoval(PlaygroundState state, BaseDirectory home, TimeProvider time)
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan KillGrace = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DeleteBudget = TimeSpan.FromSeconds(60);

    private readonly PlaygroundPaths _paths = new(Path.Combine(home.Root, state.Name));

    internal async Task RunAsync(IProgress<string>? progress, CancellationToken cancellationToken)
    {
        if (state.Manager == ClusterManager.Pacemaker)
        {
            progress?.Report("Switching the hosts off");
            await PacemakerPlayground.RemoveHostsAsync(_paths, time, cancellationToken).ConfigureAwait(false);
        }

        progress?.Report("Stopping agents, proxies and poolers");
        var etcd = state.Etcd.Select(member => member.Name).ToHashSet();
        await EndAsync(
            FindStarted(name => !etcd.Contains(name)), "agents and poolers", cancellationToken, (UnixSignal.Terminate, Grace)).ConfigureAwait(false);

        progress?.Report("Stopping PostgreSQL");
        var directories = state.Servers.Select(server => _paths.Data(server.Name)).Where(Directory.Exists).ToList();
        var files = directories.Select(PostmasterFile.Read).OfType<PostmasterFile>().ToList();
        await EndAsync(
            FindPostmasters, "postmasters", cancellationToken, (UnixSignal.Interrupt, Grace), (UnixSignal.Quit, Grace)).ConfigureAwait(false);

        // Backends of a postmaster that was killed end by themselves, unless they are stopped or hang.
        await EndAsync(FindBackends, "backends", cancellationToken, (UnixSignal.None, Grace)).ConfigureAwait(false);

        progress?.Report("Stopping etcd");
        await EndAsync(FindStarted(etcd.Contains), "etcd", cancellationToken, (UnixSignal.Terminate, Grace)).ConfigureAwait(false);

        // Whatever was started and not yet written down when its creator was killed.
        await EndAsync(FindMarked, "marked processes", cancellationToken).ConfigureAwait(false);
        foreach (var file in files)
        {
            SharedMemory.RemoveAbandoned(file.SharedMemoryId, file.Pid);
        }

        progress?.Report($"Deleting {_paths.Root}");
        await ProgramRunner.RunCheckedAsync(
            new ProgramCommand("rm", ["-rf", _paths.Root]) { Account = home.Account, WorkingDirectory = "/" },
            Reason.PlaygroundFailed, DeleteBudget, time, cancellationToken).ConfigureAwait(false);

        IEnumerable<ProcessIdentity> FindPostmasters() =>
            directories.Select(DataDirectoryProcesses.FindPostmaster).OfType<ProcessIdentity>();

        IEnumerable<ProcessIdentity> FindBackends() => directories.SelectMany(DataDirectoryProcesses.FindAll);
    }

    private Func<IEnumerable<ProcessIdentity>> FindStarted(Func<string, bool> isWanted) => () => state.BootId != BootId.Current
        ? []
        : state.Processes.Where(process => isWanted(process.Name)).Select(process => new ProcessIdentity(process.Pid, process.StartTicks));

    private IEnumerable<ProcessIdentity> FindMarked() => ProcessStat.AllPids()
        .Where(pid => pid != Environment.ProcessId && ProcessStat.HasEnvironment(pid, PlaygroundRun.Marker, state.Id))
        .Select(ProcessIdentity.Find)
        .OfType<ProcessIdentity>();

    /// <summary>Sends each signal in turn and waits; SIGKILL comes last, and who survives that is an error.</summary>
    private async Task EndAsync(
        Func<IEnumerable<ProcessIdentity>> find, string what, CancellationToken cancellationToken, params (UnixSignal Signal, TimeSpan Wait)[] stages)
    {
        List<ProcessIdentity> left = [];
        foreach (var (signal, wait) in stages.Append((UnixSignal.Kill, KillGrace)))
        {
            left = Running();
            foreach (var process in left)
            {
                process.Signal(signal);
            }

            var began = time.GetTimestamp();
            while (left.Count > 0 && time.GetElapsedTime(began) < wait)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), time, cancellationToken).ConfigureAwait(false);
                left = Running();
            }

            if (left.Count == 0)
            {
                return;
            }
        }

        throw new PgClusterException(
            Reason.PlaygroundFailed,
            $"Of playground {state.Name}, {what} still run after SIGKILL: {string.Join(", ", left.Select(process => process.Pid.ToString(CultureInfo.InvariantCulture)))}.")
        {
            Target = state.Name,
        };

        List<ProcessIdentity> Running() => [.. find().Where(process => process.IsRunning && IsOurs(process.Pid))];
    }

    private bool IsOurs(int pid)
    {
        try
        {
            return OsAccount.OwnerOf(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}")) == home.UserId;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
