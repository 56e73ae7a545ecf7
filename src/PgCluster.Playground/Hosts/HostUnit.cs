using System.Globalization;
using PgCluster.Adapters.Process;

namespace PgCluster.Playground.Hosts;

/// <summary>A service of a host. One with a delay is started again whenever it ends, as systemd does with Restart=always and KillMode=process.</summary>
/// <param name="name">Its name, unique among the hosts.</param>
/// <param name="host">Where it runs.</param>
/// <param name="command">What it runs.</param>
/// <param name="restartDelay">Seconds until it is started again; null for one that stays down.</param>
/// <param name="logFile">Where its output is appended to.</param>
internal sealed class HostUnit(string name, NamespaceHost host, ProgramCommand command, double? restartDelay, string logFile)
{
    private const string Shell = "sh";
    private const string Loop = "delay=$1; shift; while :; do \"$@\"; sleep \"$delay\"; done";

    internal string Name => name;

    internal NamespaceHost Host => host;

    internal string LogFile => logFile;

    /// <summary>The process that was started: the program itself, or what starts it again; null while it is to stay down.</summary>
    internal ProcessIdentity? Started { get; private set; }

    /// <summary>The program as it runs now; null while it does not.</summary>
    internal ProcessIdentity? Process => Started is { } started ? ProgramOf(started) : null;

    /// <summary>Starts it, until it is stopped or its host has no power.</summary>
    internal async Task StartAsync(CancellationToken cancellationToken) => Started = await host.StartAsync(
        restartDelay is not { } delay ? command : command with
        {
            FileName = "/bin/sh",
            Arguments = ["-c", Loop, "unit-" + name, delay.ToString(CultureInfo.InvariantCulture), command.FileName, .. command.Arguments],
        },
        logFile, cancellationToken).ConfigureAwait(false);

    /// <summary>SIGKILL for it, and nobody starts it again. It is gone when this returns, and with it what it listened on.</summary>
    internal async Task StopAsync(CancellationToken cancellationToken)
    {
        var process = Process;
        Started?.Signal(UnixSignal.Kill);
        Started = null;
        if (process is { } program)
        {
            program.Signal(UnixSignal.Kill);
            await program.WaitForExitAsync(host.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>A signal for the program; one that does not run is an error.</summary>
    internal void Signal(UnixSignal signal)
    {
        if (Process is not { } process || !process.Signal(signal))
        {
            throw new InvalidOperationException($"{name} does not run");
        }
    }

    /// <summary>The program of a unit that was started as this process; null while it does not run.</summary>
    internal static ProcessIdentity? ProgramOf(ProcessIdentity started)
    {
        if (!started.IsRunning || ProcessStat.Read(started.Pid) is not { } stat)
        {
            return null;
        }

        return stat.Command != Shell
            ? started
            : ProcessStat.AllPids().Where(pid => ProcessStat.Read(pid) is { Command: not ("sleep" or Shell) } child && child.ParentPid == started.Pid)
                .Select(ProcessIdentity.Find).FirstOrDefault(process => process is not null);
    }
}
