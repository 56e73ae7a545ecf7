using System.CommandLine;
using PgCluster.Client;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster check</c>.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var command = new Command("check", "Checks everything that the cluster's health and its next failover depend on. Changes nothing; exit code 1 when a check failed.");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var checks = await cluster.CheckAsync(cancellationToken);
            if (parsed.GetValue(ConfigurationOptions.Json))
            {
                Output.Json(checks);
            }
            else
            {
                Output.Table(
                    ["Check", "Status", "Detail"],
                    checks.Select(c => (string[])[c.Name, c.Status.ToString(), c.Remedy.Length > 0 ? $"{c.Evidence} -- {c.Remedy}" : c.Evidence]));
            }

            return ClusterConnection.IsSound(checks) ? ExitCodes.Done : ExitCodes.Failed;
        });
        return command;
    }
}
