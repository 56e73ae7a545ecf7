using System.CommandLine;
using System.Globalization;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster watch</c>.</summary>
internal static class WatchCommand
{
    public static Command Create()
    {
        var command = new Command("watch", "Prints the primary now and whenever it changes, until it is stopped.");
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var json = parsed.GetValue(ConfigurationOptions.Json);
            try
            {
                await foreach (var change in cluster.WatchPrimaryAsync(cancellationToken))
                {
                    if (json)
                    {
                        Output.JsonLine(change);
                    }
                    else
                    {
                        Console.Out.WriteLine(string.Create(
                            CultureInfo.InvariantCulture,
                            $"{change.ObservedAt:HH:mm:ss.fff}  {change.Kind,-8} {change.Primary ?? "nobody"} {change.Host}:{change.Port} (revision {change.Revision})"));
                    }
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // Stopping it is how it ends.
            }

            return ExitCodes.Done;
        });
        return command;
    }
}
