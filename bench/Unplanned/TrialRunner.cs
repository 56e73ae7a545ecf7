using System.Diagnostics;
using System.Globalization;
using Npgsql;
using PgCluster.Bench.Hosts;
using PgCluster.Client;
using PgCluster.Engine.Measurement;
using PgCluster.Playground.Hosts;

namespace PgCluster.Bench.Unplanned;

/// <summary>
/// In each round every contender gets a new cluster, one after the other and beginning with another one each time, which loses its primary in each of
/// the ways under load.
/// </summary>
internal sealed class TrialRunner(HostNetwork network, UnplannedOptions options)
{
    // Whichever moment of a lease or loop it is, is left to chance: the longest of them takes ten seconds.
    private static readonly TimeSpan Phase = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan SoundBudget = TimeSpan.FromSeconds(180);
    private static readonly TimeSpan GapBudget = TimeSpan.FromSeconds(180);

    private readonly Random _random = new(options.Seed);
    private readonly List<Trial> _trials = [];

    public IReadOnlyList<Trial> Trials => _trials;

    public async Task RunAsync(IReadOnlyList<Contender> contenders, IReadOnlyList<Crash> crashes, CancellationToken cancellationToken)
    {
        for (var round = 1; round <= options.Rounds; round++)
        {
            for (var i = 0; i < contenders.Count; i++)
            {
                var contender = contenders[(i + round - 1) % contenders.Count];
                BenchOutput.Progress($"round {round}: bringing up {contender.Title}");
                await using var cluster = contender.Create(network);
                await cluster.StartAsync(cancellationToken);
                foreach (var crash in crashes)
                {
                    var trial = await RunAsync(cluster, contender, crash, round, cancellationToken);
                    _trials.Add(trial);
                    Say(trial);
                    if (trial.Failure is not null)
                    {
                        break;
                    }
                }
            }
        }
    }

    private async Task<Trial> RunAsync(HostedCluster cluster, Contender contender, Crash crash, int round, CancellationToken cancellationToken)
    {
        var trial = new Trial(crash.Name, contender.Name, round, null, null);
        var events = new List<string>();
        try
        {
            var (roles, amiss, _) = await cluster.WaitUntilSoundAsync(SoundBudget, cancellationToken);
            if (roles is null)
            {
                return trial with { Failure = string.Create(CultureInfo.InvariantCulture, $"not sound within {SoundBudget.TotalSeconds} s: {amiss}") };
            }

            await using var meter = await WriteGapMeter.StartAsync(
                new WriteGapOptions { Uri = cluster.ClientUri, Writers = options.Writers, PauseBetweenCommits = options.Pace, ConnectTimeout = TimeSpan.FromSeconds(5) },
                cancellationToken);
            await Task.Delay(options.Warmup + (Phase * _random.NextDouble()), cancellationToken);
            Note($"{crash.What}: {roles.Primary}; synchronous {roles.Synchronous}");
            await crash.HarmAsync(cluster, roles.Primary, cancellationToken);
            Note("done");
            await WaitUntilServedAsync(cluster, cancellationToken);
            Note("the application commits again");

            // Whoever is not served by then hung.
            await Task.Delay(WriteLedger.HangAfterGap + TimeSpan.FromSeconds(1), cancellationToken);
            return trial with { Clients = await meter.StopAsync(cancellationToken) };
        }
        catch (Exception e) when (e is PgClusterException or TimeoutException)
        {
            return trial with { Failure = e.Message };
        }
        finally
        {
            if (options.Keep is { } keep && !cancellationToken.IsCancellationRequested)
            {
                var directory = cluster.CopyLogs(keep, string.Create(CultureInfo.InvariantCulture, $"{contender.Name}-{crash.Name}-{round}"));
                await File.WriteAllLinesAsync(Path.Combine(directory, "round.txt"), events, CancellationToken.None);
            }
        }

        void Note(string what) => events.Add(string.Create(CultureInfo.InvariantCulture, $"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {what}"));
    }

    private static async Task WaitUntilServedAsync(HostedCluster cluster, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();

        // Not before everything that belonged to the old primary has ended.
        await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
        while (true)
        {
            try
            {
                await cluster.CommitAsync(cancellationToken);
                return;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException)
            {
                if (Stopwatch.GetElapsedTime(began) > GapBudget)
                {
                    throw new TimeoutException(string.Create(CultureInfo.InvariantCulture, $"no commit within {GapBudget.TotalSeconds} s: {e.Message}"), e);
                }
            }

            await Task.Delay(Look, cancellationToken);
        }
    }

    private static void Say(Trial trial) => BenchOutput.Progress(trial.Clients is { } clients
        ? FormattableString.Invariant(
            $"round {trial.Round}: {trial.Contender} {trial.Crash}: gap {clients.WriteGapMs:0} ms, {clients.ClientErrors} errors, {clients.HungWriters} hung, {clients.LostCommits} lost, {clients.Commits} commits{(clients.Errors is { Count: > 0 } errors ? $"; errors: {string.Join("; ", errors)}" : "")}")
        : FormattableString.Invariant($"round {trial.Round}: {trial.Contender} {trial.Crash}: not measured: {trial.Failure}"));
}
