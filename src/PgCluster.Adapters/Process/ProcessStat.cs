using System.Globalization;
using System.Text;

namespace PgCluster.Adapters.Process;

/// <summary>What /proc/PID/stat says of a process.</summary>
/// <param name="Command">Name of its program, at most 15 characters.</param>
/// <param name="State">One letter, Z for a zombie.</param>
/// <param name="ParentPid">Its parent.</param>
/// <param name="SessionId">Its session.</param>
/// <param name="Niceness">From -20, which runs ahead of all others, to 19.</param>
/// <param name="StartTicks">When it started, in clock ticks since boot.</param>
public sealed record ProcessStat(string Command, char State, int ParentPid, int SessionId, int Niceness, long StartTicks)
{
    /// <summary>True when it has ended and its parent has not taken notice.</summary>
    public bool IsZombie => State is 'Z' or 'X';

    /// <summary>Reads it; null when there is no such process.</summary>
    public static ProcessStat? Read(int pid)
    {
        try
        {
            return pid > 0 ? Parse(File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"), Encoding.UTF8)) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // ESRCH while reading: it ended after the file was opened.
            return null;
        }
    }

    /// <summary>Directory it works in; null when it is gone, or belongs to somebody else.</summary>
    public static string? ReadWorkingDirectory(int pid)
    {
        try
        {
            return new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cwd")).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>True when the environment it was started with has this variable with this value; false when it cannot be read.</summary>
    public static bool HasEnvironment(int pid, string name, string value)
    {
        try
        {
            var environment = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/environ"), Encoding.UTF8);
            return environment.Split('\0').Contains($"{name}={value}", StringComparer.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Ids of every process there is now.</summary>
    public static IEnumerable<int> AllPids()
    {
        foreach (var path in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(path.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
            {
                yield return pid;
            }
        }
    }

    internal static ProcessStat? Parse(string text)
    {
        // The name may hold blanks and brackets: only the last bracket ends it.
        var open = text.IndexOf('(', StringComparison.Ordinal);
        var close = text.LastIndexOf(')');
        if (open < 0 || close < open)
        {
            return null;
        }

        var fields = text[(close + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length < 20
            ? null
            : new ProcessStat(
                text[(open + 1)..close],
                fields[0][0],
                int.Parse(fields[1], CultureInfo.InvariantCulture),
                int.Parse(fields[3], CultureInfo.InvariantCulture),
                int.Parse(fields[16], CultureInfo.InvariantCulture),
                long.Parse(fields[19], CultureInfo.InvariantCulture));
    }
}
