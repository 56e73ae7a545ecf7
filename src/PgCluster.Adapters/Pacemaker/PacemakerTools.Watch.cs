using System.Runtime.CompilerServices;
using System.Threading.Channels;
using PgCluster.Adapters.Process;
using OsProcess = System.Diagnostics.Process;

namespace PgCluster.Adapters.Pacemaker;

/// <content>What Pacemaker tells of by itself.</content>
public sealed partial class PacemakerTools
{
    // What the monitor gives its agent, among others: what became of an action.
    private const string Told = "CRM_notify_desc=";

    // What setpriv ends with when there is no such program.
    private const int NotFound = 127;

    /// <inheritdoc/>
    public async IAsyncEnumerable<string> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var told = Channel.CreateUnbounded<string>();
        var started = new TaskCompletionSource<OsProcess>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() => Listen(started, told.Writer)) { IsBackground = true, Name = "crm_mon" }.Start();
        using var monitor = await started.Task.ConfigureAwait(false);
        try
        {
            await foreach (var what in told.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return what;
            }
        }
        finally
        {
            monitor.Kill(entireProcessTree: true);
        }
    }

    /// <summary>
    /// Runs the monitor and tells what it says. It is to die with this process, however that dies: it would read the end of its input for ever. The kernel sends that signal when the thread ends that started it.
    /// </summary>
    private void Listen(TaskCompletionSource<OsProcess> started, ChannelWriter<string> told)
    {
        try
        {
            // The monitor runs a program after everything that a resource does; env prints what it is told, and that comes out here, between what the monitor draws for a terminal that is none.
            var monitor = ProgramRunner.Start(new ProgramCommand("setpriv", ["--pdeathsig", "TERM", "--", Path.Combine(_directory, "crm_mon"), "--external-agent", "/usr/bin/env"])
            {
                Environment = new Dictionary<string, string?> { ["TERM"] = "vt100" },
            });
            started.SetResult(monitor);
            while (monitor.StandardOutput.ReadLine() is { } line)
            {
                if (line.StartsWith(Told, StringComparison.Ordinal))
                {
                    told.TryWrite(line[Told.Length..]);
                }
            }

            monitor.WaitForExit();
            if (monitor.ExitCode == NotFound)
            {
                told.TryComplete(new PgClusterException(Reason.MissingProgram, "'crm_mon' could not be started: it is not there."));
            }
        }
        catch (PgClusterException e)
        {
            started.TrySetException(e);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // It was let go of.
        }
        finally
        {
            told.TryComplete();
        }
    }
}
