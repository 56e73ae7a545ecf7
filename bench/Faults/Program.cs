using System.Diagnostics;
using PgCluster;
using PgCluster.Bench;
using PgCluster.Bench.Faults;
using PgCluster.Bench.Hosts;
using PgCluster.Playground.Hosts;

// Faults, one after the other, on a cluster whose hosts are namespaces of this machine, under writers: what the clients saw, whether anything that was
// acknowledged is gone, whether two nodes ever took writes at once, and how long until the cluster was whole again by itself.
HubProcess.Enter();
FaultOptions options;
Fault[] faults;
try
{
    options = FaultOptions.Parse(args);
    faults = options.Faults is ["all"]
        ? [.. FaultCatalogue.All]
        : [.. options.Faults.Select(name => FaultCatalogue.All.Append(FaultCatalogue.Proof).FirstOrDefault(fault => fault.Name == name) ?? throw new FormatException($"no fault is named {name}"))];
    if (options.Etcd == EtcdLayout.Shared)
    {
        faults = [.. faults.Where(fault => !fault.NeedsOwnEtcd)];
    }
}
catch (FormatException e)
{
    Console.Error.WriteLine($"{e.Message}\n{FaultOptions.Usage}");
    return 2;
}

if (options.List)
{
    BenchOutput.Table(["fault", "what", "etcd"], faults.Select(fault => (IReadOnlyList<object>)[fault.Name, fault.What, fault.NeedsOwnEtcd ? "own hosts" : "any"]));
    return 0;
}

return await HubProcess.RunAsync(args, RunAllAsync);

async Task<int> RunAllAsync(HostNetwork network, CancellationToken cancellationToken)
{
    await using var runner = new FaultRunner(network, options);
    var random = new Random(options.Seed);
    var failed = false;
    try
    {
        if (options.Soak)
        {
            await SoakAsync(runner, random, cancellationToken);
        }
        else
        {
            // All of one layout of etcd, then all of the other: a cluster lasts as long as it holds.
            foreach (var fault in faults.OrderBy(fault => fault.NeedsOwnEtcd))
            {
                for (var round = 1; round <= options.Rounds; round++)
                {
                    await RunAsync(runner, fault, round, new Random(HashCode(options.Seed, fault.Name, round)), fault.Freezes ? options.Freeze : options.Hold, cancellationToken);
                }
            }
        }
    }
    catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
    {
        failed = true;
    }
    catch (Exception e) when (e is TimeoutException or PgClusterException)
    {
        Console.Error.WriteLine(e.Message);
        failed = true;
    }

    if (options.Json)
    {
        BenchOutput.Object(FaultReport.ToJson(options, runner.Results));
    }
    else
    {
        FaultReport.Show(runner.Results);
    }

    if (options.Markdown is { } markdown)
    {
        await FaultReport.WriteMarkdownAsync(markdown, options, runner.Results);
    }

    return failed || runner.Results.Any(result => result.Broken.Count > 0) ? 1 : 0;
}

async Task SoakAsync(FaultRunner runner, Random random, CancellationToken cancellationToken)
{
    var began = Stopwatch.GetTimestamp();
    for (var round = 1; Stopwatch.GetElapsedTime(began) < options.SoakTime; round++)
    {
        // One layout for all of it: clusters are to grow old.
        var usable = options.Etcd == EtcdLayout.Own ? faults : [.. faults.Where(fault => !fault.NeedsOwnEtcd)];
        var fault = usable[random.Next(usable.Length)];
        var hold = (fault.Freezes ? options.Freeze : options.Hold) * (0.1 + (0.9 * random.NextDouble()));
        await RunAsync(runner, fault, round, random, hold, cancellationToken);
        await Task.Delay(TimeSpan.FromSeconds(random.NextDouble() * 5), cancellationToken);
    }
}

async Task RunAsync(FaultRunner runner, Fault fault, int round, Random chance, TimeSpan hold, CancellationToken cancellationToken)
{
    var result = await runner.RunAsync(fault, round, chance, hold, cancellationToken);
    BenchOutput.Progress(FormattableString.Invariant(
        $"{fault.Name} {round}: {(result.Broken.Count == 0 ? "held" : "BROKE: " + string.Join("; ", result.Broken))}; gap {result.Clients?.WriteGapMs ?? double.NaN:0} ms, {result.Clients?.ClientErrors} errors, {result.Clients?.Commits} commits, sound after {result.SoundAfterSeconds ?? double.NaN:0.0} s ({result.SoundAfterHealSeconds ?? double.NaN:0.0} s after it was healed){(result.Clients?.Errors is { Count: > 0 } errors ? $"; errors: {string.Join("; ", errors)}" : "")}"));
}

// The same in every run, unlike string's own.
static int HashCode(int seed, string name, int round) => name.Aggregate((seed * 31) + round, (hash, letter) => unchecked((hash * 31) + letter));
