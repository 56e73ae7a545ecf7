using System.Globalization;
using System.Text;

namespace PgCluster.Bench.Unplanned;

/// <summary>The results: for people, for programs and for a page.</summary>
internal sealed class UnplannedReport(
    UnplannedOptions options, IReadOnlyList<Contender> contenders, IReadOnlyList<Crash> crashes, IReadOnlyList<Trial> trials, IReadOnlyList<string> facts)
{
    private static readonly string[] Head =
        ["", "rounds", "gap s, median", "least", "most", "client errors, most", "hung", "lost", "doubled", "target s", "reached"];

    /// <summary>True when every round was measured and every target of ours is reached.</summary>
    public bool IsGood => trials.All(trial => trial.Failure is null) && Cells().All(cell => cell.Missed.Count == 0);

    public void Show()
    {
        foreach (var crash in crashes)
        {
            Console.Out.WriteLine($"{crash.What}: the longest time without an acknowledged write, {options.Writers} writers\n");
            BenchOutput.Table(Head, Cells().Where(cell => cell.Crash == crash).Select(cell => (IReadOnlyList<object>)[cell.Contender.Title, .. cell.Texts()]));
            if (Peers.Count == 0)
            {
                continue;
            }

            BenchOutput.Table(["ratio of the medians", .. Peers.Select(peer => peer.Title)], Ratios(crash).Select(row => (IReadOnlyList<object>)[row.Ours.Title, .. row.Texts]));
        }

        foreach (var line in Notes())
        {
            Console.Out.WriteLine(line);
        }
    }

    public object ToJson() => new
    {
        bench = "unplanned",
        machine = BenchOutput.Machine(),
        writers = options.Writers,
        pace_ms = options.Pace.TotalMilliseconds,
        seed = options.Seed,
        contenders = contenders.Select(contender => new { contender.Name, contender.Settings, contender.Lease }),
        results = Cells().Select(cell => new
        {
            crash = cell.Crash.Name,
            contender = cell.Contender.Name,
            gap_s = cell.Gaps?.ToJson(),
            target_s = cell.Target,
            missed = cell.Missed,
        }),
        rounds = trials,
        good = IsGood,
    };

    public string ToMarkdown()
    {
        var text = new StringBuilder();
        foreach (var crash in crashes)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {crash.What} | ").AppendJoin(" | ", Head[1..]).Append(" |\n|---|").Append(string.Concat(Head[1..].Select(_ => "---:|"))).Append('\n');
            foreach (var cell in Cells().Where(cell => cell.Crash == crash))
            {
                text.Append("| ").Append(cell.Contender.Title).Append(" | ").AppendJoin(" | ", cell.Texts()).Append(" |\n");
            }

            text.Append('\n');
            if (Peers.Count > 0)
            {
                text.Append("| ratio of the medians | ").AppendJoin(" | ", Peers.Select(peer => peer.Title)).Append(" |\n|---|").Append(string.Concat(Peers.Select(_ => "---:|"))).Append('\n');
                foreach (var (ours, texts) in Ratios(crash))
                {
                    text.Append("| ").Append(ours.Title).Append(" | ").AppendJoin(" | ", texts).Append(" |\n");
                }

                text.Append('\n');
            }
        }

        foreach (var line in Notes())
        {
            text.Append("- ").Append(line).Append('\n');
        }

        return text.ToString();
    }

    private List<Contender> Peers => [.. contenders.Where(contender => !contender.IsOurs)];

    private List<string> Notes() =>
    [
        .. contenders.Select(contender => $"{contender.Title}: {contender.Settings}"),
        .. facts,
        .. trials.Where(trial => trial.Failure is not null).Select(trial => FormattableString.Invariant($"{trial.Contender} {trial.Crash}, round {trial.Round}: not measured: {trial.Failure}")),
    ];

    private IEnumerable<Cell> Cells() =>
        from crash in crashes
        from contender in contenders
        select new Cell(crash, contender, options.Writers, [.. trials.Where(trial => trial.Crash == crash.Name && trial.Contender == contender.Name).Select(trial => trial.Clients).OfType<WriteGapReport>()]);

    private IEnumerable<(Contender Ours, string[] Texts)> Ratios(Crash crash)
    {
        var cells = Cells().Where(cell => cell.Crash == crash).ToList();
        return cells.Where(cell => cell.Contender.IsOurs).Select(ours => (ours.Contender, cells.Where(cell => !cell.Contender.IsOurs)
            .Select(peer => ours.Gaps is { } own && peer.Gaps is { } other ? (own.Median / other.Median).ToString("0.000", CultureInfo.InvariantCulture) : "?").ToArray()));
    }

    /// <summary>All rounds of one crash with one contender.</summary>
    private sealed record Cell(Crash Crash, Contender Contender, int Writers, IReadOnlyList<WriteGapReport> Rounds)
    {
        public Samples? Gaps => Rounds.Count == 0 ? null : new Samples("", "s", [.. Rounds.Select(round => round.WriteGapMs / 1000)]);

        public double? Target => Contender.IsOurs ? Crash.TargetSeconds(Contender.Lease) : null;

        /// <summary>What of ours is not good enough.</summary>
        public IReadOnlyList<string> Missed => !Contender.IsOurs ? [] :
        [
            .. Gaps is { } gaps && gaps.Median >= Target ? (string[])["gap"] : [],
            .. Rounds.Any(round => round.ClientErrors >= Writers) ? (string[])["errors"] : [],
            .. Rounds.Any(round => round.HungWriters > 0) ? (string[])["hung"] : [],
            .. Rounds.Any(round => round.LostCommits > 0 || round.DoubledCommits > 0) ? (string[])["commits"] : [],
        ];

        public string[] Texts() => Gaps is not { } gaps ? ["0", .. Enumerable.Repeat("?", Head.Length - 2)] :
        [
            Text(Rounds.Count), Seconds(gaps.Median), Seconds(gaps.Minimum), Seconds(gaps.Maximum), Text(Rounds.Max(round => round.ClientErrors)),
            Text(Rounds.Sum(round => round.HungWriters)), Text(Rounds.Sum(round => round.LostCommits)), Text(Rounds.Sum(round => round.DoubledCommits)),
            Target is { } target ? "< " + target.ToString("0.0", CultureInfo.InvariantCulture) : "",
            Target is null ? "" : Missed.Count == 0 ? "yes" : "no: " + string.Join(", ", Missed),
        ];

        private static string Seconds(double seconds) => seconds.ToString(seconds < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture);

        private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
    }
}
