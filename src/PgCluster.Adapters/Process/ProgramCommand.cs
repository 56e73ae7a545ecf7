using System.Diagnostics;
using System.Globalization;

namespace PgCluster.Adapters.Process;

/// <summary>A program to run. Arguments are a list: no shell ever reads them.</summary>
/// <param name="FileName">Path, or a name found through PATH.</param>
/// <param name="Arguments">Arguments, each as the program gets it. Never a secret: everybody can read them.</param>
public sealed record ProgramCommand(string FileName, IReadOnlyList<string> Arguments)
{
    /// <summary>Variables added to this process's own; null takes one away.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Directory to start in; null for this process's own.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>What it reads from standard input; null for nothing. A program that is started detached reads nothing.</summary>
    public string? Input { get; init; }

    /// <summary>Who to run it as; null for this process's own user. Only root can name another.</summary>
    public OsAccount? Account { get; init; }

    /// <summary>Its nice value, relative to this process's; below 0 it runs ahead of others, which only root can ask for.</summary>
    public int Niceness { get; init; }

    internal ProcessStartInfo ToStartInfo()
    {
        var (fileName, arguments) = Account?.Wrap(FileName, Arguments) ?? (FileName, Arguments);
        if (Niceness != 0)
        {
            (fileName, arguments) = ("nice", ["-n", Niceness.ToString(CultureInfo.InvariantCulture), fileName, .. arguments]);
        }

        var start = new ProcessStartInfo(fileName, arguments)
        {
            UseShellExecute = false,
            WorkingDirectory = WorkingDirectory ?? "",

            // With all three redirected the runtime leaves the terminal's settings alone.
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Environment)
        {
            if (value is null)
            {
                start.Environment.Remove(name);
            }
            else
            {
                start.Environment[name] = value;
            }
        }

        return start;
    }
}
