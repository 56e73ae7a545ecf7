using System.CommandLine;
using System.Globalization;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster quorum</c>.</summary>
internal static class QuorumCommand
{
    public static Command Create()
    {
        var command = new Command("quorum", "Shows who votes on the nodes' health, how many are needed and who is missing.");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var quorum = await cluster.GetQuorumAsync(cancellationToken);
            if (parsed.GetValue(ConfigurationOptions.Json))
            {
                Output.Json(quorum);
            }
            else
            {
                Output.Table(
                    ["Observer", "Votes", "Present", "AgeSeconds", "SeesHealthy", "Detail"],
                    quorum.Observers.Select(o => (string[])
                    [
                        o.Name, o.Votes ? "yes" : "no", o.Present ? "yes" : "no", o.AgeSeconds?.ToString("0.0", CultureInfo.InvariantCulture) ?? "",
                        string.Join(' ', o.SeesHealthy), o.Evidence,
                    ]));
                Console.Out.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{(quorum.HasQuorum ? "quorum" : "no quorum")}: {quorum.Present.Count} of {quorum.Voters.Count} voters speak, {quorum.Needed} are needed"));
            }

            return quorum.HasQuorum ? ExitCodes.Done : ExitCodes.Failed;
        });
        return command;
    }
}
