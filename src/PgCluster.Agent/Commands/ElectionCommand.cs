using System.CommandLine;
using System.Globalization;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster election</c>: who would lead next.</summary>
internal static class ElectionCommand
{
    public static Command Create()
    {
        var command = new Command("election", "Shows who would lead next if the leader were lost now, and why nobody else. Changes nothing.");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var outlook = await cluster.RehearseElectionAsync(cancellationToken);
            if (parsed.GetValue(ConfigurationOptions.Json))
            {
                Output.Json(outlook);
            }
            else
            {
                Console.Out.WriteLine(outlook.Evidence);
                Output.Table(
                    ["Node", "Rank", "Because"],
                    outlook.Candidates.Select(c => (string[])[c.Node, c.Eligible ? c.Rank.ToString(CultureInfo.InvariantCulture) : "", string.Join("; ", c.Reasons)]));
            }

            return ExitCodes.Done;
        });
        return command;
    }
}
