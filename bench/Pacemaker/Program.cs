using System.Diagnostics;
using PgCluster;
using PgCluster.Bench;
using PgCluster.Client;
using PgCluster.Playground.Hosts;
using PgCluster.Playground.Pacemaker;

// The clients' write gap of a planned failover under Pacemaker, ours beside the floor: crm_resource --move by hand on the same cluster, whose agents and proxies lead the poolers to the new
// primary then too. Rounds alternate; after each everything is as before it.
var arguments = BenchArguments.Parse(args, ("rounds", 5, 1), ("writers", 16, 1));
if (arguments is null)
{
    return 2;
}

using var stop = Interrupt.Source();
var token = stop.Token;
var patience = TimeSpan.FromMinutes(4);
var machine = BenchOutput.MachineText();
var rounds = new List<Round>();
var network = await HostNetwork.CreateAsync(new HostNetworkOptions(), TimeProvider.System, token);
try
{
    BenchOutput.Progress("making three hosts with Pacemaker");
    await network.ConnectAsync(token);
    var hosts = new PacemakerHosts(network, new PacemakerHostsOptions { Agents = true });
    await hosts.StartAsync(null, token);
    await using var cluster = ClusterConnection.Open(hosts.ConfigFile);
    for (var i = 0; i < arguments["rounds"]; i++)
    {
        foreach (var isOurs in i % 2 == 0 ? [false, true] : new[] { true, false })
        {
            var roles = await hosts.WaitUntilSoundAsync(patience, token);
            var (old, next) = (roles.Primary!.Node.Name, roles.Synchronous!.Node.Name);
            await UntilAsync(async () => (await cluster.PlanFailoverAsync(new FailoverRequest(), token)).Steps.Count > 0);
            await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = hosts.ClientUri, Writers = arguments["writers"] }, token);
            await Task.Delay(TimeSpan.FromSeconds(2), token);
            var operation = isOurs ? await MoveOursAsync(cluster) : await MoveByHandAsync(hosts, old, next);
            await Task.Delay(TimeSpan.FromSeconds(1), token);
            var report = await meter.StopAsync(token);
            if (!isOurs)
            {
                await hosts.LetBackAsync(old, token);
            }

            rounds.Add(new Round(isOurs, report, operation));
            BenchOutput.Progress($"round {i + 1} {(isOurs ? "ours " : "floor")} {old} -> {next}: gap {report.WriteGapMs:0} ms, {report.Commits} commits, {report.ClientErrors} errors, {report.LostCommits} lost, {report.DoubledCommits} doubled");
        }
    }
}
catch (OperationCanceledException) when (token.IsCancellationRequested)
{
    return 130;
}
finally
{
    await network.RemoveAsync(CancellationToken.None);
}

var floorGaps = new Samples("floor: crm_resource --move by hand", "ms", [.. rounds.Where(r => !r.IsOurs).Select(r => r.Report.WriteGapMs)]);
var ourGaps = new Samples("ours: Invoke-PgFailover", "ms", [.. rounds.Where(r => r.IsOurs).Select(r => r.Report.WriteGapMs)]);
var floorErrors = rounds.Where(r => !r.IsOurs).Sum(r => r.Report.ClientErrors);
var ours = rounds.Where(r => r.IsOurs).ToList();
var harm = ours.Sum(r => r.Report.ClientErrors + r.Report.LostCommits + r.Report.DoubledCommits);
var ratio = ourGaps.Median / floorGaps.Median;
var steps = ours.SelectMany(r => r.Operation!.Steps.Where(s => s.Phase == StepPhase.Run)).GroupBy(s => s.Name).Select(s => new Samples(s.Key, "ms", [.. s.Select(x => x.ElapsedSeconds * 1000)])).ToArray();
if (arguments.Json)
{
    BenchOutput.Object(new
    {
        bench = "pacemaker",
        machine = BenchOutput.Machine(),
        writers = arguments["writers"],
        rounds = arguments["rounds"],
        floor_gap_ms = floorGaps.ToJson(),
        ours_gap_ms = ourGaps.ToJson(),
        ratio = Samples.Round(ratio),
        floor_client_errors = floorErrors,
        ours_client_errors = ours.Sum(r => r.Report.ClientErrors),
        lost_commits = ours.Sum(r => r.Report.LostCommits),
        ours_steps_ms = steps.ToDictionary(s => s.Name, s => s.ToJson()),
    });
}
else
{
    Console.Out.WriteLine($"Write gap of a planned failover under Pacemaker, {arguments["writers"]} writers; {machine}\n");
    BenchOutput.Table(floorGaps, ourGaps);
    Console.Out.WriteLine(FormattableString.Invariant($"ratio of the medians: {ratio:0.00}; client errors: {floorErrors} by hand, {ours.Sum(r => r.Report.ClientErrors)} ours\n"));
    BenchOutput.Table(steps);
}

return harm == 0 ? 0 : 1;

async Task<OperationReport?> MoveOursAsync(ClusterConnection cluster)
{
    var request = new FailoverRequest { Why = "bench", Actor = "bench" };
    var operation = await cluster.RunFailoverAsync(await cluster.PlanFailoverAsync(request, token), request, null, token);
    return operation.Outcome == OperationOutcome.Succeeded
        ? operation
        : throw new InvalidOperationException($"the failover {operation.Outcome}: {operation.Error}\n{string.Join('\n', operation.Steps)}");
}

async Task<OperationReport?> MoveByHandAsync(PacemakerHosts hosts, string old, string next)
{
    await hosts.MoveAsync(next, token);
    await UntilAsync(async () => (await hosts.ReadRolesAsync(next, token))?.Primary?.Node.Name == next);
    await PacemakerHosts.ClearMovesAsync(hosts.Host(next), token);
    return null;
}

async Task UntilAsync(Func<Task<bool>> condition)
{
    var clock = Stopwatch.StartNew();
    while (!await condition())
    {
        await Task.Delay(100, token);
        if (clock.Elapsed > patience)
        {
            throw new TimeoutException("it did not come to that");
        }
    }
}

internal sealed record Round(bool IsOurs, WriteGapReport Report, OperationReport? Operation);
