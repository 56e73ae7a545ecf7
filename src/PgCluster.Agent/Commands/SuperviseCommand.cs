using System.CommandLine;
using PgCluster.Agent.Hosting;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster supervise --node NAME</c>.</summary>
internal static class SuperviseCommand
{
    public static Command Create()
    {
        var node = new Option<string>("--node") { Description = "Name of the node this machine is.", Required = true };
        return DaemonCommand.Create(
            new Command("supervise", "Runs the agent of one PostgreSQL node.") { node },
            (parsed, rehearses, cancellationToken) => SuperviseHost.RunAsync(ConfigurationOptions.Load(parsed), parsed.GetRequiredValue(node), rehearses, cancellationToken));
    }
}
