using System.CommandLine;
using System.Globalization;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster durability</c>.</summary>
internal static class DurabilityCommand
{
    public static Command Create()
    {
        var survive = new Option<DurabilityScope>("--survive") { Description = "What is lost at once: any one Node, or all nodes of any one Zone.", DefaultValueFactory = _ => DurabilityScope.Node };
        var command = new Command("durability", "Says whether every acknowledged commit would outlive a loss, with the proof or the counter-example.") { survive };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var cluster = ConfigurationOptions.Open(parsed);
            var verdicts = await cluster.TestDurabilityAsync(parsed.GetValue(survive), cancellationToken);
            if (parsed.GetValue(ConfigurationOptions.Json))
            {
                Output.Json(verdicts);
            }
            else
            {
                Output.Table(
                    ["Lost", "Survives", "Primary", "R+W>N", "Votes", "Evidence"],
                    verdicts.Select(v => (string[])
                    [
                        v.Lost, v.Survives ? "yes" : "no", v.Primary ?? "", v.W == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{v.R}+{v.W}>{v.N}"),
                        string.Join(' ', v.Votes), v.Evidence,
                    ]));
                foreach (var verdict in verdicts.Where(v => v.Advice.Length > 0))
                {
                    Console.Out.WriteLine($"{verdict.Lost}: {verdict.Advice}");
                }
            }

            return verdicts.All(v => v.Survives) ? ExitCodes.Done : ExitCodes.Failed;
        });
        return command;
    }
}
