using System.Globalization;
using PgCluster.Adapters.Process;
using PgCluster.Playground.Hosts;

namespace PgCluster.Bench.Hosts;

/// <summary>A program that its host starts again whenever it ends, as systemd does with Restart=always and KillMode=process.</summary>
internal sealed class HostUnit(string name, NamespaceHost host, ProgramCommand command, double restartDelay, string logFile)
{
    private const string Loop = "delay=$1; shift; while :; do \"$@\"; sleep \"$delay\"; done";

    private ProcessIdentity? _supervisor;

    public string Name => name;

    public NamespaceHost Host => host;

    public string LogFile => logFile;

    /// <summary>The program as it runs now; null while it does not.</summary>
    public ProcessIdentity? Process => _supervisor is not { } supervisor ? null : host.Processes
        .Where(process => ProcessStat.Read(process.Pid) is { Command: not ("sleep" or "sh") } stat && stat.ParentPid == supervisor.Pid)
        .Select(process => (ProcessIdentity?)process).FirstOrDefault();

    /// <summary>Starts it, and again whenever it ends, until it is stopped or its host has no power.</summary>
    public async Task StartAsync(CancellationToken cancellationToken) => _supervisor = await host.StartAsync(
        command with
        {
            FileName = "/bin/sh",
            Arguments = ["-c", Loop, "unit-" + name, restartDelay.ToString(CultureInfo.InvariantCulture), command.FileName, .. command.Arguments],
        },
        logFile, cancellationToken);

    /// <summary>SIGKILL for it, and nobody starts it again.</summary>
    public void Stop()
    {
        var process = Process;
        _supervisor?.Signal(UnixSignal.Kill);
        _supervisor = null;
        process?.Signal(UnixSignal.Kill);
    }

    /// <summary>A signal for the program; one that does not run is an error.</summary>
    public void Signal(UnixSignal signal)
    {
        if (Process is not { } process || !process.Signal(signal))
        {
            throw new InvalidOperationException($"{name} does not run");
        }
    }
}
