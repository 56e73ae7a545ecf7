using PgCluster;
using PgCluster.Bench;
using PgCluster.Bench.Failover;
using PgCluster.Client;
using PgCluster.Playground;

// The clients' write gap of a planned failover, ours beside the floor: the same move by hand. Two playgrounds stand side by side all the time, one with
// agents and proxies for ours, one without for the floor, so that nothing repairs what a hand does; rounds alternate, only one has load at a time.
var arguments = BenchArguments.Parse(args, ("rounds", 9, 1), ("writers", 16, 1), ("warmup", 1, 0));
if (arguments is null)
{
    return 2;
}

using var stop = Interrupt.Source();
var token = stop.Token;
var withAgents = new PlaygroundManager();
var bare = new PlaygroundManager(null, TimeProvider.System, _ => new BareLauncher(), () => PlaygroundPrograms.Find());
var ours = new PlaygroundOptions { Name = $"bench{Environment.ProcessId}-ours" };
var floor = new PlaygroundOptions { Name = $"bench{Environment.ProcessId}-floor" };
var rounds = new List<Round>();
try
{
    BenchOutput.Progress("making two playgrounds");
    var oursInfo = await withAgents.CreateAsync(ours, null, token);
    var floorInfo = await bare.CreateAsync(floor, null, token);
    await using var hand = await ByHand.PrepareAsync(floorInfo, token);
    await using var cluster = ClusterConnection.Open(oursInfo.ConfigFile);

    for (var i = -arguments["warmup"]; i < arguments["rounds"]; i++)
    {
        // Whoever goes first in a round goes second in the next.
        foreach (var isOurs in i % 2 == 0 ? [false, true] : new[] { true, false })
        {
            var round = isOurs ? await MoveOursAsync(cluster, oursInfo, i) : await MoveByHandAsync(hand, floorInfo, i);
            rounds.Add(round);
            BenchOutput.Progress($"{(i < 0 ? "warm-up" : $"round {i + 1}")} {(isOurs ? "ours " : "floor")} gap {round.Report.WriteGapMs:0} ms, {round.Report.Commits} commits, "
                + $"{round.Report.ClientErrors} errors, {round.Report.LostCommits} lost, {round.Report.DoubledCommits} doubled{(round.Report.Errors is [var e, ..] ? $" ({e})" : "")}");
        }
    }
}
catch (OperationCanceledException) when (token.IsCancellationRequested)
{
    return 130;
}
finally
{
    foreach (var name in (string[])[ours.Name, floor.Name])
    {
        try
        {
            await withAgents.RemoveAsync(name, null, CancellationToken.None);
        }
        catch (PgClusterException e) when (e.Reason == Reason.PlaygroundNotFound)
        {
            // It was not made.
        }
    }
}

var measured = rounds.Where(r => r.Number >= 0).ToList();
var floorGaps = new Samples("floor: by hand", "ms", [.. measured.Where(r => !r.IsOurs).Select(r => r.Report.WriteGapMs)]);
var ourGaps = new Samples("ours: Invoke-PgFailover", "ms", [.. measured.Where(r => r.IsOurs).Select(r => r.Report.WriteGapMs)]);
var ratio = ourGaps.Median / floorGaps.Median;
var steps = measured.GroupBy(r => r.IsOurs).ToDictionary(g => g.Key, g => g
    .SelectMany(r => r.Steps.Append(("(gap outside the pause)", r.OutsidePauseMs))).GroupBy(s => s.Item1)
    .Select(s => new Samples(s.Key, "ms", [.. s.Select(x => x.Item2)])).ToArray());
var harm = measured.Sum(r => r.Report.ClientErrors + r.Report.LostCommits + r.Report.DoubledCommits);
if (arguments.Json)
{
    BenchOutput.Object(new
    {
        bench = "failover",
        machine = BenchOutput.Machine(),
        writers = arguments["writers"],
        rounds = arguments["rounds"],
        floor_gap_ms = floorGaps.ToJson(),
        ours_gap_ms = ourGaps.ToJson(),
        ratio = Samples.Round(ratio),
        ratio_allowed = 2.0,
        client_errors = measured.Sum(r => r.Report.ClientErrors),
        lost_commits = measured.Sum(r => r.Report.LostCommits),
        doubled_commits = measured.Sum(r => r.Report.DoubledCommits),
        reconnects = measured.Sum(r => r.Report.Reconnects),
        commits = measured.Sum(r => r.Report.Commits),
        floor_steps_ms = steps[false].ToDictionary(s => s.Name, s => s.ToJson()),
        ours_steps_ms = steps[true].ToDictionary(s => s.Name, s => s.ToJson()),
        ours_reports = measured.Where(r => r.IsOurs).Select(r => r.Operation!.Steps),
        warmup_gaps_ms = rounds.Where(r => r.Number < 0).Select(r => new { ours = r.IsOurs, gap = Samples.Round(r.Report.WriteGapMs) }),
    });
}
else
{
    Console.Out.WriteLine($"Write gap of a planned failover, {arguments["writers"]} writers\n");
    BenchOutput.Table(floorGaps, ourGaps);
    Console.Out.WriteLine(FormattableString.Invariant($"ratio of the medians: {ratio:0.00} (at most 2)\n"));
    Console.Out.WriteLine("Steps of the floor\n");
    BenchOutput.Table(steps[false]);
    Console.Out.WriteLine("Steps of ours, as its report says; clients wait from Pause to the end of Resume, and then until a standby streams\n");
    BenchOutput.Table(steps[true]);
    Console.Out.WriteLine($"{measured.Sum(r => r.Report.Commits)} commits, {harm} client errors, lost or doubled commits");
}

return harm == 0 ? 0 : 1;

async Task<Round> MoveOursAsync(ClusterConnection cluster, PlaygroundInfo playground, int number)
{
    var request = new FailoverRequest { Why = "bench", Actor = "bench" };
    await using var meter = await StartAsync(playground);
    var plan = await cluster.PlanFailoverAsync(request, token);
    var operation = await cluster.RunFailoverAsync(plan, request, null, token);
    if (operation.Outcome != OperationOutcome.Succeeded)
    {
        throw new InvalidOperationException($"the failover {operation.Outcome}: {operation.Error}\n{string.Join('\n', operation.Steps)}");
    }

    var report = await FinishAsync(meter);
    while ((await cluster.GetNodesAsync(token)) is var nodes && (nodes.Any(n => n.State != NodeState.Running) || nodes.All(n => n.SyncState != SyncState.Sync)))
    {
        await Task.Delay(20, token);
    }

    return new Round(number, true, report, [.. operation.Steps.Where(s => s.Phase == StepPhase.Run).Select(s => (s.Name, s.ElapsedSeconds * 1000))]) { Operation = operation };
}

async Task<Round> MoveByHandAsync(ByHand hand, PlaygroundInfo playground, int number)
{
    await using var meter = await StartAsync(playground);
    var steps = await hand.MoveAsync(token);
    var report = await FinishAsync(meter);
    await hand.SettleAsync(token);
    return new Round(number, false, report, steps);
}

async Task<WriteGapMeter> StartAsync(PlaygroundInfo playground)
{
    var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = playground.ClientUri, Writers = arguments["writers"] }, token);
    await Task.Delay(TimeSpan.FromSeconds(1), token);
    return meter;
}

async Task<WriteGapReport> FinishAsync(WriteGapMeter meter)
{
    await Task.Delay(TimeSpan.FromSeconds(0.5), token);
    return await meter.StopAsync(token);
}

internal sealed record Round(int Number, bool IsOurs, WriteGapReport Report, IReadOnlyList<(string Step, double Ms)> Steps)
{
    /// <summary>The report of ours; null for the floor.</summary>
    public OperationReport? Operation { get; init; }

    /// <summary>What of the gap lies outside the pause: chiefly the wait for the first standby that streams from the new primary.</summary>
    public double OutsidePauseMs => Report.WriteGapMs
        - Steps.SkipWhile(s => !s.Step.Equals("pause", StringComparison.OrdinalIgnoreCase)).TakeWhile(s => !IsAfterResume(s.Step)).Sum(s => s.Ms);

    private static bool IsAfterResume(string step) => step is "follow" or "Rejoin";
}
