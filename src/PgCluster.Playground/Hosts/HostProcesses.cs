using System.Globalization;
using PgCluster.Adapters.Process;

namespace PgCluster.Playground.Hosts;

/// <summary>The processes of a namespace of process ids, seen from outside.</summary>
internal static class HostProcesses
{
    /// <summary>The namespace a process is in; null when the process is gone.</summary>
    internal static string? NamespaceOf(int pid)
    {
        try
        {
            return new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/pid")).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Every process of a namespace that runs now.</summary>
    internal static IReadOnlyList<ProcessIdentity> In(string space) =>
        [.. ProcessStat.AllPids().Where(pid => NamespaceOf(pid) == space).Select(ProcessIdentity.Find).OfType<ProcessIdentity>()];

    /// <summary>The process that has this id inside the namespace; null when there is none.</summary>
    internal static ProcessIdentity? Find(string space, int innerPid) =>
        In(space).Where(process => InnerPid(process.Pid) == innerPid).Select(process => (ProcessIdentity?)process).FirstOrDefault();

    /// <summary>The postmaster among the processes of a host: the one of PostgreSQL whose parent is none; null when there is none.</summary>
    internal static ProcessIdentity? PostmasterOf(IEnumerable<ProcessIdentity> processes) => processes
        .Where(process => ProcessStat.Read(process.Pid) is { Command: "postgres" } stat && ProcessStat.Read(stat.ParentPid)?.Command != "postgres")
        .Select(process => (ProcessIdentity?)process).FirstOrDefault();

    /// <summary>The process that this one started, of which there is one; null before and after.</summary>
    internal static ProcessIdentity? OnlyChildOf(int pid) =>
        ProcessStat.AllPids().Where(child => ProcessStat.Read(child)?.ParentPid == pid).Select(ProcessIdentity.Find).FirstOrDefault(child => child is not null);

    internal static bool IsStopped(ProcessIdentity process) => ProcessStat.Read(process.Pid) is not { State: not ('T' or 't') } || !process.IsRunning;

    private static int InnerPid(int pid)
    {
        try
        {
            // One number for each namespace, the innermost last.
            var line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/status"))
                .FirstOrDefault(candidate => candidate.StartsWith("NSpid:", StringComparison.Ordinal));
            return line is null ? 0 : int.Parse(line.Split('\t', ' ', StringSplitOptions.RemoveEmptyEntries)[^1], CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
