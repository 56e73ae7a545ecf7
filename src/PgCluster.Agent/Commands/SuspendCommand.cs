using System.CommandLine;
using System.Globalization;
using PgCluster.Engine.Configuration;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster suspend</c> and <c>pgcluster resume</c>.</summary>
internal static class SuspendCommand
{
    public static Command Create()
    {
        var length = new Option<string>("--for") { Description = "For how long, for example 30m; it ends by itself then.", Required = true };
        var why = new Option<string>("--why") { Description = "Why; others are told.", Required = true };
        var command = new Command("suspend", "Lets nobody replace a lost primary by himself, for a while.") { length, why };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var text = parsed.GetRequiredValue(length);
            var time = DurationText.TryParse(text) ?? throw new PgClusterException(
                Reason.InvalidArgument, $"--for is '{text}'; expected a time such as 30m or 2h");
            Show(await cluster.SuspendAsync(time, parsed.GetRequiredValue(why), Caller.Name, cancellationToken), parsed.GetValue(ConfigurationOptions.Json), "suspended");
            return ExitCodes.Done;
        });
        return command;
    }

    public static Command CreateResume()
    {
        var command = new Command("resume", "Ends a suspension early.");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            if (await cluster.ResumeAsync(Caller.Name, cancellationToken) is { } ended)
            {
                Show(ended, parsed.GetValue(ConfigurationOptions.Json), "resumed; it was suspended");
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static void Show(ClusterSuspension suspension, bool json, string what)
    {
        if (json)
        {
            Output.Json(suspension);
        }
        else
        {
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{suspension.Cluster} is {what} until {suspension.Until:u} by {suspension.Owner}: {suspension.Why}"));
        }
    }
}
