using System.Globalization;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Pooling;

namespace PgCluster.Adapters.PgBouncer;

/// <summary>What /proc says of the processes that a restart of a PgBouncer is about.</summary>
internal static class PoolerProcesses
{
    private const string Deleted = " (deleted)";

    /// <summary>This process.</summary>
    internal static PoolerProcess Keeper => Read(Environment.ProcessId);

    /// <summary>A process; what cannot be read of it is empty.</summary>
    internal static PoolerProcess Read(int pid)
    {
        var words = Words(pid, "cmdline");
        return new PoolerProcess(
            pid,
            ProgramOf(LinkOf(pid, "exe") ?? ""),
            words.Length > 0 ? words[1..] : [],
            OsAccount.OwnerOf(PathOf(pid, "")),
            UnitOf(TextOf(pid, "cgroup")),
            OpenFilesOf(TextOf(pid, "limits"), hard: pid == Environment.ProcessId),
            ErrorFileOf(LinkOf(pid, "fd/2")));
    }

    /// <summary>The environment it was started with.</summary>
    internal static Dictionary<string, string> EnvironmentOf(int pid) => Words(pid, "environ").Select(word => word.Split('=', 2)).Where(pair => pair.Length == 2)
        .GroupBy(pair => pair[0], StringComparer.Ordinal).ToDictionary(same => same.Key, same => same.First()[1], StringComparer.Ordinal);

    /// <summary>The file of a program that may have been replaced since it was started.</summary>
    internal static string ProgramOf(string link) => link.EndsWith(Deleted, StringComparison.Ordinal) ? link[..^Deleted.Length] : link;

    /// <summary>The innermost unit, when it is a service; empty when it is something else, or there is none.</summary>
    internal static string UnitOf(string controlGroups)
    {
        var own = controlGroups.Split('\n').FirstOrDefault(line => line.StartsWith("0::", StringComparison.Ordinal) || line.Contains(":name=systemd:", StringComparison.Ordinal));
        return own?.Split('/').LastOrDefault(part => part.EndsWith(".service", StringComparison.Ordinal) || part.EndsWith(".scope", StringComparison.Ordinal)) is { } unit
            && unit.EndsWith(".service", StringComparison.Ordinal) ? unit : "";
    }

    /// <summary>The soft or the hard limit of open files; 0 when it is not there.</summary>
    internal static long OpenFilesOf(string limits, bool hard)
    {
        const string Name = "Max open files";
        var fields = limits.Split('\n').FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal))?[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields is null ? 0 : long.TryParse(fields[hard ? 1 : 0], CultureInfo.InvariantCulture, out var files) ? files : long.MaxValue;
    }

    private static string ErrorFileOf(string? link) => link is "/dev/null" || (link is not null && File.Exists(link) && !link.StartsWith("/dev/", StringComparison.Ordinal)) ? link : "";

    private static string[] Words(int pid, string file) => TextOf(pid, file).Split('\0')[..^1];

    private static string TextOf(int pid, string file)
    {
        try
        {
            return File.ReadAllText(PathOf(pid, file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string? LinkOf(int pid, string file)
    {
        try
        {
            return new FileInfo(PathOf(pid, file)).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string PathOf(int pid, string file) => string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/{file}");
}
