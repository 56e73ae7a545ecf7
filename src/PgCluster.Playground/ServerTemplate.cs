using System.Globalization;
using PgCluster.Adapters.Process;

namespace PgCluster.Playground;

/// <summary>
/// A data directory that initdb made once and that was shut down cleanly, kept for each version below the base directory. Every server of a
/// playground begins as a copy of it: of one origin, so a copy with standby.signal streams from another without a base backup.
/// </summary>
internal sealed class ServerTemplate(BaseDirectory home, PlaygroundPrograms programs, TimeProvider time)
{
    // Counted up when what is in it changes, so that an old one is not used.
    private const int Generation = 1;

    // postgres reads one statement a line. The application's role owns its database, and with it the schema public.
    private const string Statements = """
        CREATE ROLE replicator LOGIN REPLICATION
        CREATE ROLE app LOGIN
        CREATE DATABASE app OWNER app

        """;

    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(120);

    /// <summary>Path of the template; made when this version has none yet.</summary>
    internal async Task<string> GetAsync(IProgress<string>? progress, CancellationToken cancellationToken)
    {
        var version = await RunAsync("postgres", ["--version"], null, cancellationToken).ConfigureAwait(false);
        var number = version.Split(' ', StringSplitOptions.RemoveEmptyEntries).First(word => char.IsAsciiDigit(word[0])).Trim();
        var path = Path.Combine(home.Root, string.Create(CultureInfo.InvariantCulture, $".template-{number}-{Generation}"));
        if (Directory.Exists(path))
        {
            return path;
        }

        using var held = await home.LockAsync(".template.lock", cancellationToken).ConfigureAwait(false);
        if (Directory.Exists(path))
        {
            return path;
        }

        progress?.Report($"Running initdb once for PostgreSQL {number}");
        var building = path + ".new";
        await DeleteAsync(building, cancellationToken).ConfigureAwait(false);
        await RunAsync(
            "initdb",
            ["-D", building, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"],
            null, cancellationToken).ConfigureAwait(false);
        await RunAsync("postgres", ["--single", "-D", building, "postgres"], Statements, cancellationToken).ConfigureAwait(false);

        // Only a finished one ever has the name that is looked for.
        Directory.Move(building, path);
        return path;
    }

    internal async Task CopyAsync(string template, string target, CancellationToken cancellationToken) =>
        await ProgramRunner.RunCheckedAsync(
            new ProgramCommand("cp", ["-a", "--reflink=auto", template, target]) { Account = home.Account },
            Reason.PlaygroundFailed, Budget, time, cancellationToken).ConfigureAwait(false);

    private async Task DeleteAsync(string path, CancellationToken cancellationToken) =>
        await ProgramRunner.RunCheckedAsync(
            new ProgramCommand("rm", ["-rf", path]) { Account = home.Account },
            Reason.PlaygroundFailed, Budget, time, cancellationToken).ConfigureAwait(false);

    private Task<string> RunAsync(string program, IReadOnlyList<string> arguments, string? input, CancellationToken cancellationToken) =>
        ProgramRunner.RunCheckedAsync(
            new ProgramCommand(Path.Combine(programs.PostgresBin, program), arguments)
            {
                Account = home.Account,
                WorkingDirectory = home.Root,
                Input = input,
                Environment = new Dictionary<string, string?> { ["LC_ALL"] = "C", ["PGDATA"] = null },
            },
            Reason.PlaygroundFailed, Budget, time, cancellationToken);
}
