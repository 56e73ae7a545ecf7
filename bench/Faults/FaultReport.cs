using System.Globalization;
using System.Text;

namespace PgCluster.Bench.Faults;

/// <summary>The results by fault: for people, for programs and for docs/reliability.md.</summary>
internal static class FaultReport
{
    private static readonly string[] Head =
        ["fault", "rounds", "held", "lost", "writers at once", "gap s, median", "gap s, most", "client errors", "longest commit s", "sound after s"];

    public static void Show(IReadOnlyList<RoundResult> results)
    {
        BenchOutput.Table(Head, Rows(results).Select(row => (IReadOnlyList<object>)[row.Fault.Name, .. row.Cells]));
        foreach (var failed in results.Where(result => result.Broken.Count > 0))
        {
            Console.Out.WriteLine($"{failed.Fault} {failed.Round}: {string.Join("; ", failed.Broken)}\n  logs: {failed.Logs}");
        }
    }

    public static object ToJson(FaultOptions options, IReadOnlyList<RoundResult> results) => new
    {
        bench = options.Soak ? "soak" : "faults",
        machine = BenchOutput.Machine(),
        seed = options.Seed,
        writers = options.Writers,
        pace_ms = options.Pace.TotalMilliseconds,
        settings = options.Settings,
        broken = results.Count(result => result.Broken.Count > 0),
        rounds = results,
    };

    private static string Markdown(FaultOptions options, IReadOnlyList<RoundResult> results)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{options.Writers} writers, each resting {options.Pace.TotalMilliseconds:0} ms between commits; seed {options.Seed}");
        text.Append(options.Settings.Count == 0 ? "" : "; " + string.Join(", ", options.Settings.Select(setting => $"{setting.Key} = {setting.Value}")));
        text.Append(CultureInfo.InvariantCulture, $"; {TimeProvider.System.GetUtcNow():yyyy-MM-dd}, {Environment.ProcessorCount} cores.\n\n");
        text.Append("| ").AppendJoin(" | ", Head).Append(" |\n|").Append(string.Concat(Head.Select((_, i) => i == 0 ? "---|" : "---:|"))).Append('\n');
        foreach (var (fault, cells) in Rows(results))
        {
            text.Append("| ").Append(fault.What).Append(" (`").Append(fault.Name).Append("`) | ").AppendJoin(" | ", cells).Append(" |\n");
        }

        foreach (var failed in results.Where(result => result.Broken.Count > 0))
        {
            text.Append("\n- `").Append(failed.Fault).Append("`, round ").Append(failed.Round).Append(": ").AppendJoin("; ", failed.Broken);
        }

        return text.Append('\n').ToString();
    }

    /// <summary>Writes it to a file; where that has a place marked for it, only there.</summary>
    public static Task WriteMarkdownAsync(string file, FaultOptions options, IReadOnlyList<RoundResult> results) =>
        MarkdownFile.WriteAsync(file, options.Soak ? "soak" : "faults", Markdown(options, results));

    private static IEnumerable<(Fault Fault, string[] Cells)> Rows(IReadOnlyList<RoundResult> results)
    {
        foreach (var fault in FaultCatalogue.All.Append(FaultCatalogue.Proof))
        {
            var rounds = results.Where(result => result.Fault == fault.Name).ToList();
            if (rounds.Count == 0)
            {
                continue;
            }

            var clients = rounds.Select(round => round.Clients).OfType<WriteGapReport>().ToList();
            var sound = rounds.Select(round => round.SoundAfterSeconds).OfType<double>().ToList();
            yield return (fault,
            [
                Text(rounds.Count),
                Text(rounds.Count(round => round.Broken.Count == 0)),
                clients.Count == rounds.Count ? Text(clients.Sum(client => client.LostCommits)) : "?",
                Text(rounds.Sum(round => round.WritersAtOnce)) + (rounds.Sum(round => round.AcceptingAtOnce) is var accepting and > 0 ? $" (accepting {accepting})" : ""),
                Seconds(clients, client => client.WriteGapMs, samples => samples.Median),
                Seconds(clients, client => client.WriteGapMs, samples => samples.Maximum),
                Text(clients.Sum(client => client.ClientErrors)),
                Seconds(clients, client => client.LongestCommitMs, samples => samples.Maximum),
                sound.Count == 0 ? "never" : Number(new Samples("", "s", sound).Median),
            ]);
        }

        static string Seconds(List<WriteGapReport> clients, Func<WriteGapReport, double> what, Func<Samples, double> which) =>
            clients.Count == 0 ? "?" : Number(which(new Samples("", "s", [.. clients.Select(client => what(client) / 1000)])));
    }

    private static string Number(double seconds) => seconds.ToString(seconds < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
