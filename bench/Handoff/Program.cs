using System.Diagnostics;
using System.Globalization;
using PgCluster.Bench;
using PgCluster.Bench.Handoff;

// How long a takeover takes in a new process, from the lock until it is ready, beside the least that any takeover has to do: the same number of descriptors
// over a Unix socket, and a byte each way. Every sample is a process of its own, as in an upgrade: what it runs, it runs for the first time.
if (args is [Successor.Name, var directory, var id, var listeners])
{
    return await Successor.RunAsync(directory, id, int.Parse(listeners, CultureInfo.InvariantCulture));
}

if (args is [Floor.Name, var path])
{
    return Floor.Receive(path);
}

const double AllowedMs = 300;
var arguments = BenchArguments.Parse(args, ("rounds", 15, 3), ("many", 600, 1));
if (arguments is null)
{
    return 2;
}

int[] counts = [3, arguments["many"]];
List<(int Count, Samples Ours, Samples Floor)> rows = [];
foreach (var count in counts)
{
    BenchOutput.Progress($"{count} listeners");
    var work = Directory.CreateTempSubdirectory("pgcluster-bench-");
    try
    {
        rows.Add(await MeasureAsync(work.FullName, count, arguments["rounds"]));
    }
    finally
    {
        work.Delete(recursive: true);
    }
}

if (arguments.Json)
{
    BenchOutput.Object(new
    {
        bench = "handoff",
        machine = BenchOutput.Machine(),
        cases = rows.Select(r => new { listeners = r.Count, ours = r.Ours.ToJson(), floor = r.Floor.ToJson(), ratio = Samples.Round(r.Ours.Median / r.Floor.Median), allowed_ms = AllowedMs }),
    });
}
else
{
    Console.Out.WriteLine(FormattableString.Invariant($"From the lock until ready (median at most {AllowedMs:0} ms); {BenchOutput.MachineText()}\n"));
    foreach (var row in rows)
    {
        BenchOutput.Table(row.Ours, row.Floor);
        Console.Out.WriteLine(FormattableString.Invariant($"{row.Count} listeners; ratio of the medians: {row.Ours.Median / row.Floor.Median:0.0}\n"));
    }
}

return rows.All(r => r.Ours.Median <= AllowedMs) ? 0 : 1;

static async Task<(int Count, Samples Ours, Samples Floor)> MeasureAsync(string work, int count, int rounds)
{
    // Beside the coordination directory: whoever starts there looks who still listens on what lies in it.
    using var floor = new Floor(Path.Combine(work, "floor.sock"), count);
    var run = Directory.CreateDirectory(Path.Combine(work, "run")).FullName;
    var owner = Child.Start(Successor.Name, run, "p0", count.ToString(CultureInfo.InvariantCulture));
    await owner.MillisecondsAsync();
    List<double> ours = [];
    List<double> least = [];
    try
    {
        for (var round = 1; round <= rounds; round++)
        {
            foreach (var isOurs in round % 2 == 0 ? [false, true] : new[] { true, false })
            {
                if (isOurs)
                {
                    var next = Child.Start(Successor.Name, run, $"p{round}", count.ToString(CultureInfo.InvariantCulture));
                    var old = owner;
                    owner = next;
                    ours.Add(await next.MillisecondsAsync());
                    await old.DisposeAsync();
                }
                else
                {
                    await using var child = Child.Start(Floor.Name, floor.Path);
                    least.Add(await child.MillisecondsAsync());
                }
            }
        }
    }
    finally
    {
        await owner.DisposeAsync();
    }

    return (count, new Samples($"ours, {count} listeners", "ms", ours), new Samples($"floor, {count} listeners", "ms", least));
}
