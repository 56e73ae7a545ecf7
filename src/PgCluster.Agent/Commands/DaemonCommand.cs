using System.CommandLine;
using PgCluster.Agent.Daemons;
using PgCluster.Agent.Hosting;

namespace PgCluster.Agent.Commands;

/// <summary>What the commands that run until they are told to end have in common: they need Linux, and another process can be started to see whether it could follow them.</summary>
internal static class DaemonCommand
{
    // Hidden: a daemon gives it to the one it starts.
    private static readonly Option<bool> Rehearses = new(SuccessorLauncher.RehearsalOption) { Description = "Take over as far as that can be done without doing it.", Hidden = true };

    /// <summary>Makes one of them.</summary>
    /// <param name="command">Its name, help and options.</param>
    /// <param name="run">Runs it; told whether it only rehearses.</param>
    public static Command Create(Command command, Func<ParseResult, bool, CancellationToken, Task<int>> run)
    {
        command.Options.Add(Rehearses);
        command.SetAction((parsed, cancellationToken) => LinuxOnly.RunAsync(command.Name, async () =>
        {
            ServiceManager.Meet();
            try
            {
                return await run(parsed, parsed.GetValue(Rehearses), cancellationToken);
            }
            catch (RehearsedException)
            {
                return ExitCodes.Done;
            }
        }));
        return command;
    }
}
