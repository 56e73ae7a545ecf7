using PgCluster.Adapters.Process;

namespace PgCluster.Adapters.Postgres;

/// <summary>Which processes work on a data directory. The proof is their working directory: every process of PostgreSQL stays in its data directory.</summary>
public static class DataDirectoryProcesses
{
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

    private static bool WorksIn(int pid, string dataDirectory) =>
        ProcessStat.ReadWorkingDirectory(pid) is { } directory && directory == RealPath(dataDirectory);

    private static string RealPath(string path) =>
        new DirectoryInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
}
