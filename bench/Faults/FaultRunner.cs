using System.Diagnostics;
using System.Globalization;
using PgCluster.Bench.Hosts;
using PgCluster.Client;
using PgCluster.Playground.Hosts;

namespace PgCluster.Bench.Faults;

/// <summary>Does one fault after the other to a cluster under load and checks the invariants after each. A cluster that broke one is replaced.</summary>
internal sealed class FaultRunner(HostNetwork network, FaultOptions options) : IAsyncDisposable
{
    private static readonly TimeSpan Warmup = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan BringUpBudget = TimeSpan.FromSeconds(120);

    private readonly List<RoundResult> _results = [];
    private HostCluster? _cluster;
    private WriterSampler? _sampler;

    public IReadOnlyList<RoundResult> Results => _results;

    public async Task<RoundResult> RunAsync(Fault fault, int round, Random random, TimeSpan hold, CancellationToken cancellationToken)
    {
        var layout = fault.NeedsOwnEtcd || options.Etcd == EtcdLayout.Own ? EtcdLayout.Own : EtcdLayout.Shared;
        await PrepareAsync(layout, options.Etcd == EtcdLayout.Auto && !fault.NeedsOwnEtcd, cancellationToken);
        var events = new List<string>();
        var result = await RunAsync(_cluster!, fault, round, random, hold, events, cancellationToken);
        if (result.Broken.Count > 0)
        {
            result = result with { Logs = Keep(_cluster!, fault, round, result, events) };
            await DropAsync();
        }

        _results.Add(result with { Events = [.. events] });
        return result;
    }

    public async ValueTask DisposeAsync() => await DropAsync();

    /// <summary>A sound cluster, the one there is when it will do.</summary>
    private async Task PrepareAsync(EtcdLayout layout, bool anyLayout, CancellationToken cancellationToken)
    {
        if (_cluster is not null && !anyLayout && _cluster.Layout != layout)
        {
            await DropAsync();
        }

        if (_cluster is not null)
        {
            return;
        }

        BenchOutput.Progress($"bringing a cluster up, etcd on {(layout == EtcdLayout.Own ? "three hosts of its own" : "the database hosts")}");
        _cluster = new HostCluster(network, layout, options.Cluster);
        await _cluster.StartAsync(cancellationToken);
        var (roles, amiss, _) = await _cluster.WaitUntilSoundAsync(BringUpBudget, cancellationToken);
        if (roles is null)
        {
            var logs = _cluster.CopyLogs(options.Keep, "bring-up", _cluster.ConfigFile);
            throw new TimeoutException($"the cluster did not come up within {BringUpBudget.TotalSeconds} s: {amiss}\nits logs are in {logs}");
        }

        _sampler = new WriterSampler(_cluster.DatabaseHosts);
    }

    private async Task<RoundResult> RunAsync(
        HostCluster cluster, Fault fault, int round, Random random, TimeSpan hold, List<string> events, CancellationToken cancellationToken)
    {
        var broken = new List<string>();
        var result = new RoundResult { Fault = fault.Name, Round = round, Etcd = cluster.Layout.ToString().ToLowerInvariant(), HoldSeconds = hold.TotalSeconds, Broken = broken };
        var (roles, amiss, _) = await cluster.WaitUntilSoundAsync(options.Deadline, cancellationToken);
        if (roles is null)
        {
            broken.Add($"not sound before it began: {amiss}");
            return result;
        }

        WriteGapMeter meter;
        try
        {
            meter = await WriteGapMeter.StartAsync(
                new WriteGapOptions
                {
                    Uri = cluster.ClientUri, Writers = options.Writers, PauseBetweenCommits = options.Pace, ConnectTimeout = TimeSpan.FromSeconds(5),
                    VerifyTimeout = TimeSpan.FromSeconds(20),
                },
                cancellationToken);
        }
        catch (PgClusterException e)
        {
            broken.Add($"clients could not begin although the cluster is sound: {e.Message}");
            return result;
        }

        await using var _ = meter;
        var acceptedBefore = _sampler!.Accepted.Count;
        await Task.Delay(Warmup, cancellationToken);
        var scene = new FaultScene(cluster, roles, random, hold, Say, cancellationToken);
        Say($"{fault.Name}: primary {roles.Primary}, synchronous {roles.Synchronous}, timeline {roles.Timeline}");
        try
        {
            await fault.RunAsync(scene);
        }
        catch (Exception e)
        {
            await cluster.UndoAsync();
            cancellationToken.ThrowIfCancellationRequested();
            broken.Add($"the fault could not be carried out: {e.Message}");
        }

        var healedAt = Stopwatch.GetTimestamp();
        var (after, still, soundAt) = await cluster.WaitUntilSoundAsync(options.Deadline, cancellationToken);
        Say(after is null ? $"not sound: {still}" : $"sound: primary {after.Primary}, synchronous {after.Synchronous}, timeline {after.Timeline}");
        if (after is null)
        {
            broken.Add(string.Create(CultureInfo.InvariantCulture, $"not sound within {options.Deadline.TotalSeconds:0} s: {still}"));
        }

        WriteGapReport? clients = null;
        try
        {
            // A little longer, so that the end of the gap is seen.
            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
            clients = await meter.StopAsync(cancellationToken);
            Check(fault, hold, clients, broken);
        }
        catch (PgClusterException e)
        {
            broken.Add($"whether commits were lost is not known: {e.Message}");
        }

        var overlaps = _sampler.Acknowledged;
        broken.AddRange(overlaps.Select(o => $"two writers at once: {o.First} on timeline {o.FirstTimeline} and {o.Second} on timeline {o.SecondTimeline}"));
        return result with
        {
            Clients = clients,
            SoundAfterSeconds = after is null || scene.HarmedAt == 0 ? null : Stopwatch.GetElapsedTime(scene.HarmedAt, soundAt).TotalSeconds,
            SoundAfterHealSeconds = after is null ? null : Stopwatch.GetElapsedTime(healedAt, soundAt).TotalSeconds,
            WritersAtOnce = overlaps.Count,
            AcceptingAtOnce = _sampler.Accepted.Count - acceptedBefore,
            PrimaryBefore = roles.Primary,
            PrimaryAfter = after?.Primary,
        };

        void Say(string text) => events.Add(string.Create(CultureInfo.InvariantCulture, $"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {text}"));
    }

    private void Check(Fault fault, TimeSpan hold, WriteGapReport clients, List<string> broken)
    {
        var limit = fault.LongestGap + (fault.StopsWrites ? hold : TimeSpan.Zero);
        if (clients.WriteGapMs > limit.TotalMilliseconds)
        {
            broken.Add(string.Create(CultureInfo.InvariantCulture, $"no write for {clients.WriteGapMs / 1000:0.0} s, of {limit.TotalSeconds:0} s at most"));
        }

        if (clients.LostCommits > 0)
        {
            broken.Add($"{clients.LostCommits} acknowledged commits lost");
        }

        if (clients.DoubledCommits > 0)
        {
            broken.Add($"{clients.DoubledCommits} commits doubled");
        }

        if (_sampler!.Writes.Values.Sum() == 0)
        {
            broken.Add("the sampler has not had one write acknowledged, so it would have seen nothing");
        }
    }

    private async Task DropAsync()
    {
        if (_sampler is not null)
        {
            await _sampler.DisposeAsync();
            _sampler = null;
        }

        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
            _cluster = null;
        }
    }

    private string Keep(HostCluster cluster, Fault fault, int round, RoundResult result, List<string> events)
    {
        var directory = cluster.CopyLogs(options.Keep, string.Create(CultureInfo.InvariantCulture, $"{fault.Name}-{round}"), cluster.ConfigFile);
        File.WriteAllLines(
            Path.Combine(directory, "round.txt"),
            [$"seed {options.Seed}", .. result.Broken, "", .. events, "", .. _sampler!.Writes.Select(w => $"{w.Key} acknowledged {w.Value} writes to the sampler")]);
        return directory;
    }
}
