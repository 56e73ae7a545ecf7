using System.ComponentModel;
using System.Globalization;
using OsProcess = System.Diagnostics.Process;

namespace PgCluster.Adapters.Process;

/// <summary>Runs programs to their end.</summary>
public static class ProgramRunner
{
    /// <summary>Runs a program and returns what it wrote, whatever its exit code.</summary>
    /// <param name="command">What to run.</param>
    /// <param name="timeout">How long it may take; it and its children are killed after that, or when the token is cancelled.</param>
    /// <param name="time">The clock of the timeout.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.MissingProgram"/> when it cannot be started,
    /// <see cref="Reason.StepTimeout"/> when it takes longer.</exception>
    public static async Task<ProgramResult> RunAsync(
        ProgramCommand command, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(command);
        using var process = Start(command);
        using var deadline = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            var input = FeedAsync(process, command.Input, either.Token);
            var output = process.StandardOutput.ReadToEndAsync(either.Token);
            var error = process.StandardError.ReadToEndAsync(either.Token);
            await process.WaitForExitAsync(either.Token).ConfigureAwait(false);
            await input.ConfigureAwait(false);
            return new ProgramResult(process.ExitCode, await output.ConfigureAwait(false), await error.ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancellationToken.ThrowIfCancellationRequested();
            throw new PgClusterException(
                Reason.StepTimeout,
                string.Create(CultureInfo.InvariantCulture, $"'{command.FileName}' did not end within {timeout.TotalSeconds:0.###} s."));
        }
    }

    /// <summary>Runs a program and returns what it wrote to standard output; an exit code other than 0 is an error that quotes the program.</summary>
    /// <inheritdoc cref="RunAsync"/>
    /// <param name="command">What to run.</param>
    /// <param name="failure">The reason an exit code other than 0 is reported with.</param>
    /// <param name="timeout">How long it may take.</param>
    /// <param name="time">The clock of the timeout.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<string> RunCheckedAsync(
        ProgramCommand command, Reason failure, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        var result = await RunAsync(command, timeout, time, cancellationToken).ConfigureAwait(false);
        return result.ExitCode == 0
            ? result.Output
            : throw new PgClusterException(
                failure,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"'{command.FileName}' failed with exit code {result.ExitCode}: {(result.Error.Length > 0 ? result.Error : result.Output).Trim()}"));
    }

    private static async Task FeedAsync(OsProcess process, string? input, CancellationToken cancellationToken)
    {
        try
        {
            await process.StandardInput.WriteAsync(input.AsMemory(), cancellationToken).ConfigureAwait(false);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading all of it; its exit code says more.
        }
    }

    internal static OsProcess Start(ProgramCommand command)
    {
        try
        {
            return OsProcess.Start(command.ToStartInfo())
                ?? throw new PgClusterException(Reason.MissingProgram, $"'{command.FileName}' could not be started.");
        }
        catch (Win32Exception e)
        {
            throw new PgClusterException(Reason.MissingProgram, $"'{command.FileName}' could not be started: {e.Message}", e);
        }
    }
}
