using PgCluster.Adapters.Process;

namespace PgCluster.Adapters.Postgres;

/// <summary>Which processes work on a data directory. The proof is their working directory: every process of PostgreSQL stays in its data directory.</summary>
public static class DataDirectoryProcesses
{
    private static readonly TimeSpan KillPoll = TimeSpan.FromMilliseconds(1);

    /// <summary>The postmaster that postmaster.pid names, when it really runs and is of this data directory; null otherwise.</summary>
    public static ProcessIdentity? FindPostmaster(string dataDirectory) =>
        PostmasterFile.Read(dataDirectory) is { } file && WorksIn(file.Pid, dataDirectory) ? ProcessIdentity.Find(file.Pid) : null;

    /// <summary>Every process of PostgreSQL that works on this data directory, backends that outlived their postmaster included.</summary>
    public static IReadOnlyList<ProcessIdentity> FindAll(string dataDirectory)
    {
        var found = new List<ProcessIdentity>();
        foreach (var pid in ProcessStat.AllPids())
        {
            // Anybody's shell may stand in that directory: only postgres itself counts.
            if (WorksIn(pid, dataDirectory)
                && ProcessStat.Read(pid) is { IsZombie: false, Command: "postgres" } stat)
            {
                found.Add(new ProcessIdentity(pid, stat.StartTicks));
            }
        }

        return found;
    }

    /// <summary>SIGKILL to all of them, the postmaster first; returns when none is left.</summary>
    public static async Task KillAllAsync(string dataDirectory, TimeProvider time, CancellationToken cancellationToken)
    {
        while (true)
        {
            // First, or it would start new ones for those that fall.
            FindPostmaster(dataDirectory)?.Signal(UnixSignal.Kill);
            var left = FindAll(dataDirectory);
            if (left.Count == 0)
            {
                return;
            }

            foreach (var process in left)
            {
                process.Signal(UnixSignal.Kill);
            }

            await Task.Delay(KillPoll, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static bool WorksIn(int pid, string dataDirectory) =>
        ProcessStat.ReadWorkingDirectory(pid) is { } directory && directory == RealPath(dataDirectory);

    /// <summary>Where a directory really is; its own path when it does not exist.</summary>
    internal static string RealPath(string path)
    {
        var directory = new DirectoryInfo(path);
        return (directory.Exists ? directory.ResolveLinkTarget(returnFinalTarget: true)?.FullName : null)
            ?? Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
    }
}
