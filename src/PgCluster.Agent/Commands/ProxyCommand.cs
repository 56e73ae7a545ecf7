using System.CommandLine;
using PgCluster.Agent.Hosting;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster proxy --pooler NAME</c>.</summary>
internal static class ProxyCommand
{
    public static Command Create()
    {
        var pooler = new Option<string>("--pooler") { Description = "Name of the PgBouncer beside this process.", Required = true };
        return DaemonCommand.Create(
            new Command("proxy", "Keeps one PgBouncer pointed to the primary.") { pooler },
            (parsed, rehearses, cancellationToken) => ProxyHost.RunAsync(ConfigurationOptions.Load(parsed), parsed.GetRequiredValue(pooler), rehearses, cancellationToken));
    }
}
