using System.Runtime.CompilerServices;
using System.Threading.Channels;
using NSubstitute;
using NSubstitute.ExceptionExtensions;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Pooling;

public sealed class PrimaryKeyStreamTests
{
    private const string Key = "/master";

    private static readonly TimeSpan Poll = TimeSpan.FromMinutes(1);

    private readonly FakeTimeProvider _time = new();
    private readonly IClusterStore _store = Substitute.For<IClusterStore>();
    private readonly RecordingLogger<PrimaryKeyStream> _logger = new();
    private readonly Channel<StoreEvent> _events = Channel.CreateUnbounded<StoreEvent>();
    private readonly PrimaryKeyStream _stream;

    public PrimaryKeyStreamTests()
    {
        _stream = new PrimaryKeyStream(_store, [Key], Poll, TimeSpan.FromSeconds(5), _time, _logger);
        _store.WatchAsync(Key, false, 0, Arg.Any<CancellationToken>()).Returns(_ => new FakeWatch(_events));
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Value_of_now_comes_first_then_changes_and_the_token_ends_it()
    {
        Stored("initial", 5);
        using var stop = new CancellationTokenSource();
        await using var reader = _stream.ReadAllAsync(stop.Token).GetAsyncEnumerator(Token);

        Assert.Equal(new KeyedValue(Key, "initial", 5), await NextAsync(reader));
        _events.Writer.TryWrite(Put("changed", 6));
        Assert.Equal(new KeyedValue(Key, "changed", 6), await NextAsync(reader));
        _events.Writer.TryWrite(new StoreEvent.Delete(Key, 7));
        Assert.Equal(new KeyedValue(Key, null, 7), await NextAsync(reader));

        await stop.CancelAsync();
        Assert.False(await reader.MoveNextAsync());
        Assert.Equal(0, _time.ArmedTimers);
    }

    [Fact]
    public async Task Empty_first_value_is_a_value()
    {
        Stored("", 5);
        await using var reader = _stream.ReadAllAsync(Token).GetAsyncEnumerator(Token);

        Assert.Equal(new KeyedValue(Key, "", 5), await NextAsync(reader));
    }

    [Fact]
    public async Task Absent_key_is_said_once_and_the_poll_finds_what_the_watch_missed()
    {
        Absent(5);
        await using var reader = _stream.ReadAllAsync(Token).GetAsyncEnumerator(Token);
        Assert.Equal(new KeyedValue(Key, null, 5), await NextAsync(reader));

        Absent(6);
        await _time.WhenTimerAsync(Poll);
        _time.Advance(Poll);
        await _time.WhenTimerAsync(Poll);
        Stored("late", 7);
        _time.Advance(Poll);

        Assert.Equal(new KeyedValue(Key, "late", 7), await NextAsync(reader));
    }

    [Fact]
    public async Task What_a_poll_reads_late_does_not_undo_what_the_watch_has_said()
    {
        Stored("old", 5);
        await using var reader = _stream.ReadAllAsync(Token).GetAsyncEnumerator(Token);
        await NextAsync(reader);
        _events.Writer.TryWrite(Put("new", 6));
        Assert.Equal("new", (await NextAsync(reader)).Value);

        await _time.WhenTimerAsync(Poll);
        _time.Advance(Poll);
        await _time.WhenTimerAsync(Poll);
        _events.Writer.TryWrite(Put("newest", 7));

        Assert.Equal("newest", (await NextAsync(reader)).Value);
    }

    [Fact]
    public async Task Gap_makes_it_read_again()
    {
        Stored("old", 5);
        await using var reader = _stream.ReadAllAsync(Token).GetAsyncEnumerator(Token);
        await NextAsync(reader);

        Stored("new", 9);
        _events.Writer.TryWrite(new StoreEvent.Gap(8));

        Assert.Equal(new KeyedValue(Key, "new", 9), await NextAsync(reader));
    }

    [Fact]
    public async Task Store_that_does_not_answer_is_outlived()
    {
        _store.ListAsync(Key, Arg.Any<CancellationToken>()).ThrowsAsync(new PgClusterException(Reason.NoQuorum, "no leader"));
        await using var reader = _stream.ReadAllAsync(Token).GetAsyncEnumerator(Token);
        var next = NextAsync(reader);
        await _time.WhenTimerAsync(TimeSpan.FromSeconds(1));

        Stored("there", 5);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("there", (await next).Value);
        Assert.Contains(_logger.Entries, entry => entry.Id == 2041);
    }

    [Fact]
    public async Task Defect_is_not_swallowed()
    {
        _store.ListAsync(Key, Arg.Any<CancellationToken>()).ThrowsAsync(new InvalidOperationException("defect"));
        await using var reader = _stream.ReadAllAsync(Token).GetAsyncEnumerator(Token);

        await Assert.ThrowsAsync<InvalidOperationException>(() => NextAsync(reader));
    }

    private static StoreEvent.Put Put(string value, long revision) => new(new StoreEntry(Key, value, 1, revision, 1));

    private static async Task<KeyedValue> NextAsync(IAsyncEnumerator<KeyedValue> reader)
    {
        Assert.True(await reader.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20), Token));
        return reader.Current;
    }

    // A neighbour with the key as its prefix must not be taken for it.
    private void Stored(string value, long revision) => _store.ListAsync(Key, Arg.Any<CancellationToken>()).Returns(
        new StoreRange([new StoreEntry(Key, value, 1, revision, 1), new StoreEntry(Key + "/lock", "x", 1, 99, 1)], 99));

    private void Absent(long revision) => _store.ListAsync(Key, Arg.Any<CancellationToken>()).Returns(
        new StoreRange([new StoreEntry(Key + "/lock", "x", 1, 99, 1)], revision));

    private sealed class FakeWatch(Channel<StoreEvent> events) : IStoreWatch
    {
        public async IAsyncEnumerable<StoreEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await foreach (var change in events.Reader.ReadAllAsync(cancellationToken))
            {
                yield return change;
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
