using System.Diagnostics.CodeAnalysis;
using OsProcess = System.Diagnostics.Process;

namespace PgCluster.Adapters.Process;

/// <summary>
/// Starts programs that outlive this process: in a session of their own, so that neither Ctrl+C nor the end of a terminal reaches them, with nothing
/// open but a log file. While this process lives it is their parent and reaps them.
/// </summary>
public static class DetachedProcess
{
    // The words come in as positional parameters: the shell only opens the log and becomes the program. setsid does not fork, because a
    // child of this process does not lead a process group, so the process id stays the same all the way.
    private const string Script = "log=$1; shift; exec setsid -- \"$@\" </dev/null >>\"$log\" 2>&1";

    /// <summary>Starts a program; returns when the shell has become it.</summary>
    /// <param name="command">What to start.</param>
    /// <param name="logFile">Where its output is appended to; made when missing, by the user it runs as.</param>
    /// <param name="cancellationToken">Ends the wait, not the program.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.MissingProgram"/> when it cannot be started or the log not be written.</exception>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The caller owns what is returned.")]
    public static async Task<OsProcess> StartAsync(ProgramCommand command, string logFile, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(command);
        cancellationToken.ThrowIfCancellationRequested();
        var process = ProgramRunner.Start(command with
        {
            FileName = "/bin/sh",
            Arguments = ["-c", Script, "sh", logFile, command.FileName, .. command.Arguments],
        });
        process.StandardInput.Close();
        process.StandardOutput.Close();

        // Ends when the shell has replaced its standard error, or has failed to and says why.
        var complaint = await process.StandardError.ReadToEndAsync(CancellationToken.None).ConfigureAwait(false);
        process.StandardError.Close();
        if (complaint.Length == 0)
        {
            return process;
        }

        await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        process.Dispose();
        throw new PgClusterException(Reason.MissingProgram, $"'{command.FileName}' could not be started: {complaint.Trim()}");
    }
}
