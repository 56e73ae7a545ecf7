using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;

namespace PgCluster.Tests.Integration.Handoff;

/// <summary>New connections at an even pace, one request each.</summary>
/// <param name="perSecond">How many; a busy machine catches up.</param>
/// <param name="ask">Connects, asks, and says who has answered.</param>
internal sealed class ConnectionLoad(int perSecond, Func<Task<string>> ask) : IDisposable
{
    private const int MostAtOnce = 100;

    // Fewer than a listener can queue.
    private const int MostOpen = 400;

    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, int> _served = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _failures = new();
    private readonly Lock _sync = new();
    private Task _running = Task.CompletedTask;

    /// <summary>How many were answered by whom.</summary>
    public IReadOnlyDictionary<string, int> Served => _served;

    /// <summary>Those that were refused, reset, or not answered as they should.</summary>
    public IReadOnlyCollection<string> Failures => _failures;

    public TimeSpan Elapsed { get; private set; }

    /// <summary>The longest that one waited for its answer.</summary>
    public TimeSpan Longest { get; private set; }

    /// <summary>How many a second were answered, over all of it.</summary>
    public double Rate => _served.Values.Sum() / Elapsed.TotalSeconds;

    public void Start() => _running = Task.Run(RunAsync);

    /// <summary>Returns when the last one has its answer.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running.WaitAsync(Fixtures.Poll.Budget, TestContext.Current.CancellationToken);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    public override string ToString() => $"{_served.Values.Sum()} connections in {Elapsed.TotalSeconds:0.0} s, {Rate:0} a second; the longest took {Longest.TotalMilliseconds:0} ms";

    private async Task RunAsync()
    {
        var stop = _stop.Token;
        var clock = Stopwatch.StartNew();
        List<Task> open = [];
        for (var begun = 0; !stop.IsCancellationRequested;)
        {
            for (var due = Math.Min((int)(clock.Elapsed.TotalSeconds * perSecond), begun + MostAtOnce); begun < due; begun++)
            {
                open.Add(AskAsync());
            }

            open.RemoveAll(task => task.IsCompleted);
            while (open.Count > MostOpen)
            {
                await Task.WhenAny(open);
                open.RemoveAll(task => task.IsCompleted);
            }

            await Task.Delay(1, CancellationToken.None);
        }

        await Task.WhenAll(open);
        Elapsed = clock.Elapsed;
    }

    private async Task AskAsync()
    {
        var clock = Stopwatch.StartNew();
        try
        {
            _served.AddOrUpdate(await ask(), 1, (_, count) => count + 1);
        }
        catch (Exception e) when (e is SocketException or InvalidDataException)
        {
            _failures.Enqueue(e.Message);
        }

        lock (_sync)
        {
            Longest = clock.Elapsed > Longest ? clock.Elapsed : Longest;
        }
    }
}
