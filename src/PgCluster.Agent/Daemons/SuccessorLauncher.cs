using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using PgCluster.Adapters.Process;

namespace PgCluster.Agent.Daemons;

/// <summary>Starts the process that follows this one, by this one's own program and arguments, and writes down why when it does not come to work.</summary>
internal sealed partial class SuccessorLauncher(OwnRecord own, DaemonDirectory directory, ILogger logger)
{
    /// <summary>Tells the successor to end where it would become ready.</summary>
    public const string RehearsalOption = "--rehearse-handoff";

    private readonly Lock _sync = new();
    private int _started;

    /// <summary>Starts it; what becomes of it shows in its record.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.LockHeld"/>: one is at it already. <see cref="Reason.MissingProgram"/>.</exception>
    public void Start(bool rehearse)
    {
        lock (_sync)
        {
            // One that has said how it ended may still be at ending.
            if (_started != 0 && directory.Find(own.Now.Name, _started) is not { State: DaemonState.Failed or DaemonState.Rehearsed })
            {
                throw new PgClusterException(Reason.LockHeld, string.Create(CultureInfo.InvariantCulture, $"pid {_started} is about to follow it already")) { Target = own.Now.Name };
            }

            // A session of its own: what ends with this process's does not end with it.
            var start = new ProcessStartInfo("setsid", ["--", .. OwnProgram.Words, .. OwnProgram.Arguments.Where(word => word != RehearsalOption), .. rehearse ? (string[])[RehearsalOption] : []]) { UseShellExecute = false };
            start.Environment[OwnProgram.StartedByVariable] = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
            start.Environment[ServiceManager.SocketVariable] = ServiceManager.Socket;
            Process process;
            try
            {
                process = Process.Start(start)!;
            }
            catch (System.ComponentModel.Win32Exception e)
            {
                throw new PgClusterException(Reason.MissingProgram, $"setsid, which starts {OwnProgram.Path}, cannot be started: {e.Message}", e) { Target = own.Now.Name };
            }

            _started = process.Id;
            LogStarted(logger, process.Id, OwnProgram.Path);
            _ = Task.Run(() => WatchAsync(process, ProcessIdentity.Find(process.Id)?.StartTicks ?? 0));
        }
    }

    private async Task WatchAsync(Process process, long startTicks)
    {
        using (process)
        {
            await process.WaitForExitAsync().ConfigureAwait(false);
            lock (_sync)
            {
                _started = _started == process.Id ? 0 : _started;
            }

            // One that has followed this process may end whenever it likes.
            if (own.Now.State != DaemonState.Running || directory.Find(own.Now.Name, process.Id) is { State: not DaemonState.Starting })
            {
                return;
            }

            var why = string.Create(CultureInfo.InvariantCulture, $"it ended with {process.ExitCode} before it was ready; its log, which is this daemon's, says why");
            LogFailed(logger, process.Id, why);
            try
            {
                directory.Write(own.Now with { Pid = process.Id, StartTicks = startTicks, State = DaemonState.Failed, StartedBy = Environment.ProcessId, Error = why, Listeners = [], Connections = 0, TakeoverMs = null });
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                LogFailed(logger, process.Id, e.Message);
            }
        }
    }

    [LoggerMessage(5211, LogLevel.Information, "Started pid {Pid} to follow this process: {Program}")]
    private static partial void LogStarted(ILogger logger, int pid, string program);

    [LoggerMessage(5212, LogLevel.Error, "Pid {Pid}, started to follow this process, did not: {Why}")]
    private static partial void LogFailed(ILogger logger, int pid, string why);
}
