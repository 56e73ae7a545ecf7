using System.Threading.Channels;
using NSubstitute;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Health;
using PgCluster.Engine.Store;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Health;

/// <summary>
/// PR-39 for a cluster: what is kept at hand is what the observers wrote, whole, so that a miss is a node of which nobody has written, and a hit asks nobody. One
/// payload that cannot be read takes away its own vote and no other; after a disconnect what is known ages until it is Unknown, instead of being thrown away at once.
/// </summary>
public sealed class HealthWatchTests : IAsyncDisposable
{
    private static readonly ClusterConfig Config = new() { Name = "c" };

    private readonly FakeTimeProvider _time = new();
    private readonly IClusterStore _store = Substitute.For<IClusterStore>();
    private readonly RecordingLogger<HealthWatch> _logger = new();
    private readonly Channel<StoreEvent> _events = Channel.CreateUnbounded<StoreEvent>();
    private readonly CancellationTokenSource _stop = new();
    private readonly HealthWatch _watch;
    private Task _run = Task.CompletedTask;

    public HealthWatchTests()
    {
        _watch = new HealthWatch(Config, _store, _time, _logger);
        _store.WatchAsync("/health/", true, Arg.Any<long>(), Arg.Any<CancellationToken>()).Returns(_ => new FakeWatch(_events));
        Stored(10);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PR39_It_knows_what_was_there_then_what_changes_and_forgets_what_goes()
    {
        Stored(10, Entry("P1", 5));
        Start();
        await UntilAsync("P1");
        await _store.Received(1).WatchAsync("/health/", true, 11, Arg.Any<CancellationToken>());
        Assert.Equal(HealthState.Healthy, _watch.Now().Of("G1").State);
        Assert.Equal(HealthState.Unknown, _watch.Now().Of("G2").State);

        _events.Writer.TryWrite(new StoreEvent.Put(Entry("P2", 11, well: false)));
        await UntilAsync("P1", "P2");
        Assert.Equal(HealthState.Unhealthy, _watch.Now().Of("G1").State);

        _events.Writer.TryWrite(new StoreEvent.Delete("/health/P2", 12));
        await UntilAsync("P1");
        Assert.Equal(HealthState.Healthy, _watch.Now().Of("G1").State);
        await _store.Received(1).ListAsync("/health/", Arg.Any<CancellationToken>());
    }

    [Fact]
    public async Task PR39_Any_number_of_threads_may_ask_while_it_changes()
    {
        Stored(10, Entry("P1", 5));
        Start();
        await UntilAsync("P1");
        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(() =>
        {
            _events.Writer.TryWrite(i % 3 == 0 ? new StoreEvent.Delete("/health/P2", 11 + i) : new StoreEvent.Put(Entry("P2", 11 + i)));
            var view = _watch.Now();
            Assert.Equal(HealthState.Healthy, view.Of("G1").State);
            Assert.Equal(view.Voters.Contains("P2") ? 2 : 1, view.Of("G1").Votes.Count);
        })));
        _events.Writer.TryWrite(new StoreEvent.Put(Entry("P3", 200)));
        _events.Writer.TryWrite(new StoreEvent.Delete("/health/P2", 201));
        await UntilAsync("P1", "P3");
    }

    [Fact]
    public async Task PR39_What_it_knows_ages_by_its_own_clock_from_when_it_saw_that_revision()
    {
        Stored(10, Entry("P1", 5));
        Start();
        await UntilAsync("P1");
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(9, _watch.Now().Of("G1").Votes[0].SuccessAgeSeconds);

        // A gap: the list brings the same revision again, which is as old as it was, and another that is new.
        Stored(20, Entry("P1", 5), Entry("P2", 20));
        _events.Writer.TryWrite(new StoreEvent.Gap(15));
        await UntilAsync("P1", "P2");
        Assert.Equal([9, 0], _watch.Now().Of("G1").Votes.Select(v => v.SuccessAgeSeconds!.Value));

        // What the watch delivers late does not go before what the list had.
        _events.Writer.TryWrite(new StoreEvent.Put(Entry("P2", 19, well: false)));
        _events.Writer.TryWrite(new StoreEvent.Put(Entry("P3", 21)));
        await UntilAsync("P1", "P2", "P3");
        Assert.True(_watch.Now().Of("G1").Votes[1].Healthy);

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([false, true, true], _watch.Now().Of("G1").Votes.Select(v => v.Healthy));
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.Empty(_watch.Now().Voters);
        Assert.Equal(HealthState.Unknown, _watch.Now().Of("G1").State);
    }

    [Fact]
    public async Task After_a_silence_old_words_that_waited_do_not_look_fresh()
    {
        Stored(10, Entry("P1", 5), Entry("P2", 6));
        Start();
        await UntilAsync("P1", "P2");

        // A frozen process: the node failed meanwhile, P2 went, and everything written since waits in order.
        _time.Advance(TimeSpan.FromSeconds(20));
        Stored(40, Entry("P1", 39, well: false));
        for (var revision = 20; revision < 39; revision++)
        {
            _events.Writer.TryWrite(new StoreEvent.Put(Entry(revision % 2 == 0 ? "P1" : "P2", revision)));
        }

        await UntilAsync("P1");
        Assert.Equal(HealthState.Unhealthy, _watch.Now().Of("G1").State);
        _events.Writer.TryWrite(new StoreEvent.Delete("/health/P1", 38));
        _events.Writer.TryWrite(new StoreEvent.Put(Entry("P3", 41, well: false)));
        await UntilAsync("P1", "P3");
        Assert.Equal(HealthState.Unhealthy, _watch.Now().Of("G1").State);
    }

    [Fact]
    public async Task PR39_A_store_that_fails_is_asked_again()
    {
        _store.ListAsync("/health/", Arg.Any<CancellationToken>()).Returns<StoreRange>(_ => throw new PgClusterException(Reason.StoreUnavailable, "away"));
        Start();
        await _time.WhenTimerAsync(TimeSpan.FromSeconds(1));
        Assert.Equal([2310], _logger.Entries.Select(e => e.Id));
        Stored(10, Entry("P1", 5));
        _time.Advance(TimeSpan.FromSeconds(1));
        await UntilAsync("P1");
    }

    [Fact]
    public async Task PR39_Nobody_speaks_for_somebody_else_and_what_is_no_report_is_no_vote()
    {
        var lie = Entry("P1", 6) with { Key = "/health/P9" };
        Stored(10, Entry("P1", 5), lie, Entry("P2", 7) with { Value = "nonsense" });
        Start();
        await UntilAsync("P1");
        _events.Writer.TryWrite(new StoreEvent.Put(Entry("P1", 11) with { Value = "nonsense" }));
        await UntilAsync();
    }

    [Fact]
    public async Task Who_asks_once_waits_until_each_has_written_again()
    {
        Stored(10, Entry("P1", 5), Entry("P2", 6));
        var reading = new HealthReader(_store, Config, _time).ReadAsync(Token);
        _events.Writer.TryWrite(new StoreEvent.Put(Entry("P1", 11)));
        Assert.False(reading.IsCompleted);
        _events.Writer.TryWrite(new StoreEvent.Put(Entry("P2", 12)));
        Assert.All(await reading, v => Assert.Equal(TimeSpan.Zero, v.SinceSeen));
    }

    [Fact]
    public async Task Who_asks_once_takes_the_word_of_one_that_does_not_write_as_old_as_it_says()
    {
        var stale = Entry("P2", 6);
        _time.Advance(TimeSpan.FromSeconds(30));
        Stored(10, Entry("P1", 5), stale);
        _events.Writer.TryWrite(new StoreEvent.Put(Entry("P1", 11)));
        var reading = new HealthReader(_store, Config, _time).ReadAsync(Token);
        await _time.WhenTimerAsync(TimeSpan.FromSeconds(4));
        _time.Advance(TimeSpan.FromSeconds(4));

        var views = (await reading).ToDictionary(v => v.Observer, v => v.SinceSeen);
        Assert.True(views["P1"] <= TimeSpan.FromSeconds(4));
        Assert.Equal(TimeSpan.FromSeconds(34), views["P2"]);
    }

    [Fact]
    public async Task Who_asks_once_with_nobody_there_does_not_wait() =>
        Assert.Empty(await new HealthReader(_store, Config, _time).ReadAsync(Token));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _stop.Dispose();
    }

    private void Start() => _run = _watch.RunAsync(_stop.Token);

    private async Task UntilAsync(params string[] voters)
    {
        using var budget = CancellationTokenSource.CreateLinkedTokenSource(Token);
        budget.CancelAfter(TimeSpan.FromSeconds(20));
        while (!_watch.Now().Voters.SequenceEqual(voters))
        {
            budget.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private void Stored(long revision, params StoreEntry[] entries) =>
        _store.ListAsync("/health/", Arg.Any<CancellationToken>()).Returns(new StoreRange(entries, revision));

    private StoreEntry Entry(string observer, long revision, bool well = true) => new(
        "/health/" + observer,
        new HealthReport(observer, _time.GetUtcNow(), [new HealthVote("G1", 0, well ? 0 : null, well, well, well, 1, "")]).ToJson(),
        revision,
        revision,
        1);
}
