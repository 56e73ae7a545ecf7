using System.Globalization;
using PgCluster.Adapters.Process;

namespace PgCluster.Agent.Daemons;

/// <summary>How this process was started, and so how the next one is.</summary>
internal static class OwnProgram
{
    /// <summary>Tells a process that its parent has started it as its successor.</summary>
    public const string StartedByVariable = "PGCLUSTER_STARTED_BY";

    private static readonly string _first = typeof(OwnProgram).Assembly.Location;

    /// <summary>
    /// The program's path as it was given, so that what has been installed there since is found: the process's own link would lead to a file that is deleted, or, behind a symbolic link, to the old version.
    /// </summary>
    public static string Path { get; } = IsHosted ? _first : GivenPath() ?? Environment.ProcessPath!;

    /// <summary>The daemon that has started this process; 0 when none did.</summary>
    public static int StartedBy { get; } =
        int.TryParse(Environment.GetEnvironmentVariable(StartedByVariable), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && ProcessStat.Read(Environment.ProcessId)?.ParentPid == pid ? pid : 0;

    /// <summary>The words to start it with, before its arguments.</summary>
    public static IReadOnlyList<string> Words => IsHosted ? [Environment.ProcessPath!, Path] : [Path];

    /// <summary>The arguments this process was started with.</summary>
    public static IReadOnlyList<string> Arguments => Environment.GetCommandLineArgs()[1..];

    private static bool IsHosted => System.IO.Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet";

    private static string? GivenPath()
    {
        try
        {
            var given = File.ReadAllText("/proc/self/cmdline").Split('\0')[0];
            return System.IO.Path.IsPathRooted(given) && File.Exists(given) ? given : null;
        }
        catch (IOException)
        {
            return null;
        }
    }
}
