using System.CommandLine;
using System.Globalization;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster health</c>.</summary>
internal static class HealthCommand
{
    public static Command Create()
    {
        var command = new Command("health", "Shows each node's health as seen from here, as the observers agree, and as an administrator decided.");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var nodes = await cluster.GetNodeHealthAsync(cancellationToken);
            if (parsed.GetValue(ConfigurationOptions.Json))
            {
                Output.Json(nodes);
            }
            else
            {
                Output.Table(
                    ["Name", "Local", "Consensus", "Votes", "Administrative", "Detail"],
                    nodes.Select(n => (string[])
                    [
                        n.Name, n.Local.ToString(), n.Consensus.ToString(),
                        string.Create(CultureInfo.InvariantCulture, $"{n.HealthyVotes} of {n.Voters}, {n.Needed} needed"), n.Administrative, n.Evidence,
                    ]));
            }

            return ExitCodes.Done;
        });
        return command;
    }
}
