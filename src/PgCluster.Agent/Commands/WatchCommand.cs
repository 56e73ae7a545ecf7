using System.CommandLine;
using System.Globalization;
using PgCluster.Client;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster watch</c>.</summary>
internal static class WatchCommand
{
    public static Command Create()
    {
        var all = new Option<bool>("--all") { Description = "Print everything that happens to the cluster, not only to its primary." };
        var command = new Command("watch", "Prints the primary now and whenever it changes, and when two nodes accept writes, until it is stopped.") { all };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var json = parsed.GetValue(ConfigurationOptions.Json);
            try
            {
                await (parsed.GetValue(all) ? PrintEventsAsync(cluster, json, cancellationToken) : PrintPrimaryAsync(cluster, json, cancellationToken));
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // Stopping it is how it ends.
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static async Task PrintPrimaryAsync(ClusterConnection cluster, bool json, CancellationToken cancellationToken)
    {
        await foreach (var change in cluster.WatchPrimaryAsync(Console.Error.WriteLine, cancellationToken))
        {
            if (json)
            {
                Output.JsonLine(change);
            }
            else
            {
                Console.Out.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{change.ObservedAt:HH:mm:ss.fff}  {change.Kind,-8} {change.Primary ?? "nobody"} {change.Host}:{change.Port} (revision {change.Revision}){(change.Evidence.Length > 0 ? ": " : "")}{change.Evidence}"));
            }
        }
    }

    private static async Task PrintEventsAsync(ClusterConnection cluster, bool json, CancellationToken cancellationToken)
    {
        await foreach (var one in cluster.WatchAsync(cancellationToken))
        {
            if (json)
            {
                Output.JsonLine(one);
            }
            else
            {
                Console.Out.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{one.ObservedAt:HH:mm:ss.fff}  {one.Kind,-16} {one.Evidence}{(one.Actor is { } actor ? $" (by {actor})" : "")}{(one.Why.Length > 0 ? $": {one.Why}" : "")}"));
            }
        }
    }
}
