using System.Diagnostics;

namespace PgCluster.Build;

/// <summary>Runs programs and ends what it started when the build is cancelled or a budget is over.</summary>
static class Tool
{
    /// <summary>Runs a program to its end; its lines go to <paramref name="output"/>. Returns its exit code, or null when the budget was over first.</summary>
    /// <param name="program">A file, or a name on the PATH.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="output">Takes the lines of both its streams.</param>
    /// <param name="budget">How long it may take; null for as long as it wants.</param>
    /// <param name="cancellationToken">Ends it, children included.</param>
    /// <param name="environment">Variables to set.</param>
    public static async Task<int?> RunAsync(
        string program, IEnumerable<string> arguments, TextWriter output, TimeSpan? budget, CancellationToken cancellationToken,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        using var process = Start(program, arguments, environment);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (budget is { } limit)
        {
            over.CancelAfter(limit);
        }

        try
        {
            var copying = Task.WhenAll(CopyAsync(process.StandardOutput, output), CopyAsync(process.StandardError, output));
            await process.WaitForExitAsync(over.Token);

            // A process that it left behind with its streams must not keep us here for ever.
            await copying.WaitAsync(TimeSpan.FromSeconds(10), over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!copying.IsCompleted)
            {
                throw new BuildException($"{Path.GetFileName(program)} ended and left a process behind that holds its output open");
            }

            return process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancellationToken.ThrowIfCancellationRequested();
            return null;
        }
    }

    /// <summary>
    /// Runs a program and returns its standard output; its standard error goes to <paramref name="errors"/>. The token is looked at only before the
    /// start: a program that changes something is left to finish, and Ctrl+C on a terminal reaches it anyway.
    /// </summary>
    /// <exception cref="BuildException">It failed.</exception>
    public static async Task<string> ReadAsync(string program, IEnumerable<string> arguments, TextWriter errors, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var process = Start(program, arguments, null);
        var copying = CopyAsync(process.StandardError, errors);
        var text = await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        await copying;
        await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode == 0
            ? text
            : throw new BuildException($"{Path.GetFileName(program)} {string.Join(' ', arguments)} ended with exit code {process.ExitCode}\n{text}".TrimEnd());
    }

    /// <summary>Runs the .NET command line. It says nothing when all goes well; when not, every line goes to <paramref name="output"/> once.</summary>
    /// <exception cref="BuildException">It failed.</exception>
    public static async Task DotnetAsync(IEnumerable<string> arguments, TextWriter output, CancellationToken cancellationToken)
    {
        // A build node that stays behind would hold the pipes of whoever started the build open.
        string[] all = [.. arguments, "-v", "quiet", "-nodeReuse:false"];
        using var said = new StringWriter();
        if (await RunAsync("dotnet", all, said, null, cancellationToken) is not 0)
        {
            foreach (var line in said.ToString().Split(Environment.NewLine).Where(l => l.Length > 0).Distinct(StringComparer.Ordinal))
            {
                output.WriteLine(line);
            }

            throw new BuildException($"dotnet {string.Join(' ', arguments)} failed");
        }
    }

    static Process Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start) ?? throw new BuildException($"{program} did not start");

        // Nobody answers questions here: whoever asks one gets the end of the input.
        process.StandardInput.Close();
        return process;
    }

    static async Task CopyAsync(StreamReader from, TextWriter to)
    {
        while (await from.ReadLineAsync() is { } line)
        {
            lock (to)
            {
                to.WriteLine(line);
                to.Flush();
            }
        }
    }
}
