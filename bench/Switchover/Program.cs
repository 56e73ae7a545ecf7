using System.Diagnostics;
using PgCluster;
using PgCluster.Bench;
using PgCluster.Bench.Switchover;
using PgCluster.Client;
using PgCluster.Playground;

// A switchover of a pgbench database between two servers. First the copy, without load, beside pg_dump and pg_restore; then the stop of writers who
// change the database through PgBouncer, there and back, with both engines, and with a tenth of the data.
const string Database = "app";
const string Peer = "peer";
string[] copySteps = ["schema", "track", "copy", "indexes"];
string[] stopSteps = ["stop", "fence", "drain", "sequences", "turn", "open", "flip", "repoint", "resume"];
var arguments = BenchArguments.Parse(args, ("scale", 50, 10), ("samples", 3, 1), ("rounds", 3, 0), ("writers", 8, 1), ("rate", 1000, 1));
if (arguments is null)
{
    return 2;
}

using var stop = Interrupt.Source();
var token = stop.Token;
int[] scales = [arguments["scale"], arguments["scale"] / 10];
var manager = new PlaygroundManager();
string[] names = [$"bench{Environment.ProcessId}-old", $"bench{Environment.ProcessId}-new"];
var ours = new List<OperationReport>();
var theirs = new List<(double Dump, double Restore)>();
var stops = new List<WriteStop>();
try
{
    BenchOutput.Progress("making two servers");
    var old = await Site.CreateAsync(manager, names[0], token);
    var fresh = await Site.CreateAsync(manager, names[1], token);
    await using var cluster = ClusterConnection.Open(old.Info.ConfigFile);
    foreach (var scale in scales)
    {
        BenchOutput.Progress($"pgbench at scale {scale}");
        await old.RecreateAsync(Database, token);
        await DumpAndRestore.RunAsync("pgbench", old.Environment(Database), token, "-i", "-q", "-s", FormattableString.Invariant($"{scale}"));
        await old.ExecuteAsync(Database, token, Writers.Ledger, "CHECKPOINT");
        await old.RenameAsync(Database, Kept(scale), token);
    }

    await old.RenameAsync(Kept(scales[0]), Database, token);
    for (var i = 0; i < arguments["samples"]; i++)
    {
        // Whoever goes first in a round goes second in the next.
        foreach (var isOurs in i % 2 == 0 ? [false, true] : new[] { true, false })
        {
            await (isOurs ? CopyOursAsync(old, fresh) : CopyTheirsAsync(old, fresh));
        }
    }

    await old.RenameAsync(Database, Kept(scales[0]), token);
    (SwitchoverEngine Engine, int Scale)[] kinds =
        [.. scales.SelectMany(scale => new[] { (SwitchoverEngine.Logical, scale), (SwitchoverEngine.Changelog, scale) })];
    for (var i = 0; i < arguments["rounds"]; i++)
    {
        foreach (var (engine, scale) in i % 2 == 0 ? kinds : kinds.Reverse())
        {
            await old.RenameAsync(Kept(scale), Database, token);
            await ThereAndBackAsync(old, fresh, cluster, engine, scale);
            await old.RenameAsync(Database, Kept(scale), token);
        }
    }
}
catch (OperationCanceledException) when (token.IsCancellationRequested)
{
    return 130;
}
finally
{
    foreach (var name in names)
    {
        try
        {
            await manager.RemoveAsync(name, null, CancellationToken.None);
        }
        catch (PgClusterException e) when (e.Reason == Reason.PlaygroundNotFound)
        {
            // It was not made.
        }
    }
}

var ourCopy = new Samples("ours: schema, track, copy, indexes", "s", [.. ours.Select(r => copySteps.Sum(name => Seconds(r, name)))]);
var theirCopy = new Samples("peer: pg_dump -Fd -j2, pg_restore -j2", "s", [.. theirs.Select(t => t.Dump + t.Restore)]);
var copyRatio = ourCopy.Median / theirCopy.Median;
var gaps = stops.GroupBy(s => (s.Engine, s.Scale)).Select(group => (
    group.Key.Engine,
    group.Key.Scale,
    Gap: new Samples($"{group.Key.Engine}, scale {group.Key.Scale}: longest gap", "ms", [.. group.Select(s => s.GapMs)]),
    Paused: new Samples($"{group.Key.Engine}, scale {group.Key.Scale}: write stop of the report", "ms", [.. group.Select(s => s.PausedMs)]),
    Steps: stopSteps.Select(name => new Samples(name, "ms", [.. group.Select(s => Seconds(s.Report, name) * 1000)])),
    Rate: new Samples($"{group.Key.Engine}, scale {group.Key.Scale}: changes a second", "", [.. group.Select(s => s.Rate)]))).ToArray();
var harm = stops.Sum(s => s.Harm);
if (arguments.Json)
{
    BenchOutput.Object(new
    {
        bench = "switchover",
        machine = BenchOutput.Machine(),
        scale = arguments["scale"],
        copy_ours_s = ourCopy.ToJson(),
        copy_theirs_s = theirCopy.ToJson(),
        copy_ratio = Samples.Round(copyRatio),
        copy_ratio_allowed = 1.0,
        copy_ours_steps = ours.Select(r => copySteps.ToDictionary(name => name, name => Samples.Round(Seconds(r, name)))),
        copy_theirs_steps = theirs.Select(t => new { dump = Samples.Round(t.Dump), restore = Samples.Round(t.Restore) }),
        write_stop = gaps.Select(g => new
        {
            engine = g.Engine.ToString(), g.Scale, gap_ms = g.Gap.ToJson(), paused_ms = g.Paused.ToJson(), changes_per_second = g.Rate.ToJson(),
            steps_ms = g.Steps.ToDictionary(s => s.Name, s => s.ToJson()),
        }),
        write_stop_allowed_ms = 500,
        lost_or_doubled = harm,
    });
}
else
{
    Console.Out.WriteLine($"Copy of pgbench at scale {arguments["scale"]}, two jobs\n");
    BenchOutput.Table(ourCopy, theirCopy);
    Console.Out.WriteLine(FormattableString.Invariant($"ratio of the medians: {copyRatio:0.00} (at most 1)\n"));
    BenchOutput.Table([.. copySteps.Select(name => new Samples(name, "s", [.. ours.Select(r => Seconds(r, name))])),
        new Samples("pg_dump", "s", [.. theirs.Select(t => t.Dump)]), new Samples("pg_restore", "s", [.. theirs.Select(t => t.Restore)])]);
    if (gaps.Length > 0)
    {
        Console.Out.WriteLine($"Write stop through PgBouncer, {arguments["writers"]} writers, {arguments["rate"]} changes a second (median at most 500 ms)\n");
        BenchOutput.Table([.. gaps.SelectMany(g => new[] { g.Gap, g.Paused, g.Rate })]);
        Console.Out.WriteLine("Medians of the steps of the write stop, in ms\n");
        BenchOutput.Table(
            ["", .. stopSteps],
            gaps.Select(g => (IReadOnlyList<object>)[$"{g.Engine}, scale {g.Scale}", .. g.Steps.Select(s => (object)s.Median)]));
        Console.Out.WriteLine($"{harm} lost or doubled transactions");
    }
}

return harm == 0 ? 0 : 1;

async Task CopyTheirsAsync(Site source, Site target)
{
    await target.RecreateAsync(Peer, token);
    await source.ExecuteAsync("postgres", token, "CHECKPOINT");
    var (dump, restore) = await DumpAndRestore.MoveAsync(source, target, Database, Peer, token);
    theirs.Add((dump, restore));
    BenchOutput.Progress(FormattableString.Invariant($"peer copied in {dump + restore:0.0} s ({dump:0.0} + {restore:0.0})"));
    await target.ExecuteAsync("postgres", token, $"DROP DATABASE {Peer}");
}

async Task CopyOursAsync(Site source, Site target)
{
    await target.RecreateAsync(Database, token);
    await source.ExecuteAsync("postgres", token, "CHECKPOINT");
    var switchover = await DefineAsync(source, target, SwitchoverEngine.Logical, SwitchoverStop.ReadOnly);
    await using var switchoverGuard = switchover;
    var report = await MoveAsync(switchover, null, rollback: false, null);
    ours.Add(report);
    BenchOutput.Progress(FormattableString.Invariant($"ours copied in {copySteps.Sum(name => Seconds(report, name)):0.0} s"));

    await MoveAsync(switchover, null, rollback: true, null);
    await EndAsync(switchover);
}

async Task ThereAndBackAsync(Site source, Site target, ClusterConnection cluster, SwitchoverEngine engine, int scale)
{
    await source.ExecuteAsync(Database, token, "TRUNCATE bench_ledger", "VACUUM ANALYZE", "CHECKPOINT");
    await target.RecreateAsync(Database, token);
    var switchover = await DefineAsync(source, target, engine, SwitchoverStop.Pooler);
    await using var switchoverGuard = switchover;
    await using var writers = Writers.Start(source.Info.ClientUri, scale * 100_000, arguments["writers"], arguments["rate"]);
    await writers.WriteMoreAsync(arguments["rate"] / 4, token);
    foreach (var rollback in (bool[])[false, true])
    {
        var watch = new StepWatch("pause");
        var report = await MoveAsync(switchover, cluster, rollback, watch);
        await writers.WriteMoreAsync(arguments["rate"] / 4, token);
        stops.Add(new WriteStop(engine, scale, writers.LongestGapMs(watch.Began), report, writers.Rate));
        BenchOutput.Progress(FormattableString.Invariant(
            $"{engine} at scale {scale}{(rollback ? ", back" : "")}: gap {stops[^1].GapMs:0} ms, report {stops[^1].PausedMs:0} ms, ")
            + FormattableString.Invariant($"{writers.Rate:0} changes a second"));
    }

    await writers.StopAsync();
    var rows = await source.CountAsync(Database, "SELECT count(*) FROM bench_ledger", token);
    stops[^1] = stops[^1] with { Harm = (int)Math.Abs(rows - writers.Acknowledged) };
    await EndAsync(switchover);
}

async Task<SwitchoverConnection> DefineAsync(Site source, Site target, SwitchoverEngine engine, SwitchoverStop how)
{
    var options = new SwitchoverOptions
    {
        SourceUri = source.Uri(Database),
        TargetUri = target.Uri(Database),
        Engine = engine,
        Stop = how,
        CopySchema = true,
        Jobs = 2,
        Verify = SwitchoverVerify.None,

        // It has no key, so the change log cannot carry it; nothing is in it.
        ExcludedTables = how == SwitchoverStop.Pooler ? ["public.pgbench_history"] : [],
    };
    var switchover = SwitchoverConnection.Open(options.SourceUri, options.TargetUri);
    await switchover.DefineAsync(options, token);
    return switchover;
}

async Task<OperationReport> MoveAsync(SwitchoverConnection switchover, ClusterConnection? cluster, bool rollback, IOperationObserver? observer)
{
    var plan = await switchover.PlanAsync(null, rollback, token);
    var report = await switchover.RunAsync(plan, cluster, "bench", "bench", observer, null, token);
    return report.Outcome == OperationOutcome.Succeeded
        ? report
        : throw new InvalidOperationException($"the switchover {report.Outcome}: {report.Error}\n{string.Join('\n', report.Steps)}");
}

async Task EndAsync(SwitchoverConnection switchover)
{
    await switchover.CompleteAsync(token);
    await switchover.ResetAsync(token);
}

// The poolers know one database: what is not being measured has another name.
string Kept(int scale) => FormattableString.Invariant($"scale{scale}");

double Seconds(OperationReport report, string name) => report.Steps.Where(s => s.Phase == StepPhase.Run && s.Name == name).Sum(s => s.ElapsedSeconds);

internal sealed record WriteStop(SwitchoverEngine Engine, int Scale, double GapMs, OperationReport Report, double Rate)
{
    public double PausedMs => Report.PausedSeconds!.Value * 1000;

    /// <summary>Transactions that were acknowledged and are not there once.</summary>
    public int Harm { get; init; }
}
