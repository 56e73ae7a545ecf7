using System.CommandLine;
using System.Globalization;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster history</c>.</summary>
internal static class HistoryCommand
{
    public static Command Create()
    {
        var command = new Command("history", "Shows past operations, newest first.");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var reports = await cluster.GetHistoryAsync(cancellationToken);
            if (parsed.GetValue(ConfigurationOptions.Json))
            {
                Output.Json(reports);
            }
            else
            {
                Output.Table(
                    ["StartedAt", "Kind", "Outcome", "From", "To", "Seconds", "Actor", "Detail"],
                    reports.Select(r => (string[])
                    [
                        r.StartedAt.ToString("u", CultureInfo.InvariantCulture), r.Kind, r.Outcome.ToString(), r.OldPrimary ?? "", r.NewPrimary ?? "",
                        r.DurationSeconds.ToString("0.000", CultureInfo.InvariantCulture), r.Actor, r.Error ?? r.Why,
                    ]));
            }

            return ExitCodes.Done;
        });
        return command;
    }
}
