using System.Globalization;
using PgCluster.Adapters.Process;

namespace PgCluster.Playground;

/// <summary>The executable <c>pgcluster</c>, made so that the user the agents run as can start it.</summary>
internal static class AgentProgram
{
    private static readonly TimeSpan CopyBudget = TimeSpan.FromSeconds(30);

    /// <summary>The program to start and its first arguments.</summary>
    /// <param name="executable"><c>pgcluster</c>, or <c>pgcluster.dll</c>.</param>
    /// <param name="account">Who is to run it; null for the user this process has.</param>
    /// <param name="copy">
    /// Where it is copied to with all beside it when that user cannot read it: root's own files, a module below /root, say.
    /// </param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends it.</param>
    internal static async Task<(string Program, string[] First)> PrepareAsync(
        string executable, OsAccount? account, string copy, TimeProvider time, CancellationToken cancellationToken)
    {
        var path = await MakeReadableAsync(Path.GetFullPath(executable), account, copy, time, cancellationToken).ConfigureAwait(false);
        return path.EndsWith(".dll", StringComparison.Ordinal) ? (FindDotnet(), [path]) : (path, []);
    }

    internal static string FindBesideThis()
    {
        var directory = Path.GetDirectoryName(typeof(AgentProgram).Assembly.Location) is { Length: > 0 } own ? own : AppContext.BaseDirectory;
        var executable = Path.Combine(directory, "pgcluster");
        return File.Exists(executable) ? executable : executable + ".dll";
    }

    private static string FindDotnet() =>
        Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";

    private static async Task<string> MakeReadableAsync(string path, OsAccount? account, string copy, TimeProvider time, CancellationToken cancellationToken)
    {
        if (account is null)
        {
            return path;
        }

        var isReadable = await ProgramRunner.RunAsync(
            new ProgramCommand("test", ["-r", path]) { Account = account, WorkingDirectory = "/" }, CopyBudget, time, cancellationToken).ConfigureAwait(false);
        if (isReadable.ExitCode == 0)
        {
            return path;
        }

        foreach (var command in new ProgramCommand[]
        {
            new("cp", ["-rL", Path.GetDirectoryName(path)!, copy]),
            new("chown", ["-R", string.Create(CultureInfo.InvariantCulture, $"{account.UserId}:{account.GroupId}"), copy]),
        })
        {
            await ProgramRunner.RunCheckedAsync(command, Reason.PlaygroundFailed, CopyBudget, time, cancellationToken).ConfigureAwait(false);
        }

        return Path.Combine(copy, Path.GetFileName(path));
    }
}
