using System.Threading.Channels;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Pooling;

public sealed class PoolerFollowerTests : IAsyncDisposable
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(7);

    private readonly FakeTimeProvider _time = new();
    private readonly FakeConsole _console = new();
    private readonly FakeConfig _config = new();
    private readonly RecordingLogger<PoolerFollower> _logger = new();
    private readonly Channel<WantedTarget> _values = Channel.CreateUnbounded<WantedTarget>();
    private readonly PoolerFollower _follower;
    private PrimaryAddress _loaded = new("old", 5432);

    public PoolerFollowerTests()
    {
        _console.OnReload = _ =>
        {
            _loaded = _config.Written?.Address ?? _loaded;
            return Task.CompletedTask;
        };
        _console.Databases = () =>
        [
            new("app", _loaded.Host, _loaded.Port, "orders", null, 0, false, false),
            new("pgbouncer", null, 6432, "pgbouncer", "statement", 0, false, false),
        ];
        _follower = new PoolerFollower("pool1", _console, _config, new PoolerFollowerOptions { RetryInterval = Retry }, _time, _logger);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _console.DisposeAsync();
    }

    [Fact]
    public async Task Renders_reloads_confirms_and_says_how_far_it_is()
    {
        Publish("10.0.0.1:6000", 4);
        var running = RunAsync(Token);

        var state = await Applied(4);

        Assert.Equal(new PoolerTarget(new PrimaryAddress("10.0.0.1", 6000)), state.Target);
        Assert.Equal(4, state.Revision);
        Assert.Equal(4, state.SeenRevision);
        Assert.Equal(_time.GetUtcNow(), state.AppliedAt);
        Assert.Null(state.LastError);
        Assert.Equal(["reload"], _console.RemainingCalls());
        _values.Writer.Complete();
        await running;
    }

    [Fact]
    public async Task Failed_attempt_is_repeated_after_the_retry_interval_for_ever()
    {
        _config.Error = new PgClusterException(Reason.InvalidConfiguration, "no template");
        Publish("10.0.0.1", 4);
        using var stop = new CancellationTokenSource();
        var running = RunAsync(stop.Token);

        for (var attempt = 0; attempt < 5; attempt++)
        {
            await _time.WhenTimerAsync(Retry);
            Assert.Equal("no template", _follower.State.LastError);
            Assert.Equal(attempt + 1, _config.Attempts);
            _time.Advance(Retry - TimeSpan.FromTicks(1));
            Assert.Equal(attempt + 1, _config.Attempts);
            if (attempt == 4)
            {
                _config.Error = null;
            }

            _time.Advance(TimeSpan.FromTicks(1));
        }

        Assert.Null((await Applied(4)).LastError);
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task Newer_value_takes_the_place_of_the_one_being_retried_at_once()
    {
        _config.Refuse = new PrimaryAddress("10.0.0.1", 5432);
        Publish("10.0.0.1", 4);
        var running = RunAsync(Token);
        await _time.WhenTimerAsync(Retry);

        Publish("10.0.0.2", 5);

        Assert.Equal("10.0.0.2", (await Applied(5)).Target!.Address.Host);
        _values.Writer.Complete();
        await running;
        Assert.Equal(0, _time.ArmedTimers);
    }

    [Fact]
    public async Task Newer_value_ends_an_attempt_that_is_still_waiting_for_the_pooler()
    {
        var hanging = new TaskCompletionSource();
        var first = true;
        _console.OnReload = async token =>
        {
            if (first)
            {
                first = false;
                hanging.SetResult();
                await Task.Delay(Timeout.Infinite, token);
            }

            _loaded = _config.Written!.Address;
        };
        Publish("10.0.0.1", 4);
        var running = RunAsync(Token);
        await hanging.Task;

        Publish("10.0.0.2", 5);

        Assert.Equal("10.0.0.2", (await Applied(5)).Target!.Address.Host);
        _values.Writer.Complete();
        await running;
    }

    [Fact]
    public async Task Reload_that_changes_nothing_is_an_error_that_names_the_databases()
    {
        _console.OnReload = _ => Task.CompletedTask;
        Publish("10.0.0.1", 4);
        using var stop = new CancellationTokenSource();
        var running = RunAsync(stop.Token);

        for (var waited = TimeSpan.Zero; waited < TimeSpan.FromSeconds(5); waited += TimeSpan.FromMilliseconds(2))
        {
            await _time.WhenTimerAsync(TimeSpan.FromMilliseconds(2));
            _time.Advance(TimeSpan.FromMilliseconds(2));
        }

        await _time.WhenTimerAsync(Retry);
        Assert.Contains("app at old:5432", _follower.State.LastError!, StringComparison.Ordinal);
        Assert.DoesNotContain("pgbouncer at", _follower.State.LastError!, StringComparison.Ordinal);
        Assert.Equal(0, _follower.State.Revision);
        await stop.CancelAsync();
        await running;
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("no host at all")]
    public async Task Key_without_an_address_changes_nothing(string? value)
    {
        Publish("10.0.0.1", 4);
        Publish(value, 5);
        Publish("10.0.0.1", 6);
        _values.Writer.Complete();

        await RunAsync(Token);

        Assert.Equal(6, _follower.State.Revision);
        Assert.All(_console.RemainingCalls(), call => Assert.Equal("reload", call));
        Assert.Equal("10.0.0.1", _config.Written!.Address.Host);
    }

    [Fact]
    public async Task Only_an_unreadable_key_is_kept_as_error()
    {
        Publish("", 5);
        _values.Writer.Complete();

        await RunAsync(Token);

        Assert.Equal(5, _follower.State.SeenRevision);
        Assert.Equal(0, _follower.State.Revision);
        Assert.Contains("no primary", _follower.State.LastError!, StringComparison.Ordinal);
        Assert.Equal(0, _config.Attempts);
    }

    [Theory]
    [InlineData("orders", null, null)]
    [InlineData("orders", "no template", "no template")]
    [InlineData("invoices", null, "it serves app too, which would be led away together with invoices")]
    public async Task Announced_redirect_is_tried_on_paper_and_not_followed(string source, string? objection, string? expected)
    {
        var redirect = new Redirect(Guid.NewGuid(), RedirectState.Pending, "db.new", 5433, source, source);
        _config.Objection = objection;
        Publish("10.0.0.1", 4, redirect);
        _values.Writer.Complete();

        await RunAsync(Token);

        Assert.Equal((redirect.RunId, expected), (_follower.State.Rehearsed, _follower.State.Objection));
        Assert.Equal(new PoolerTarget(new PrimaryAddress("10.0.0.1", 5432)), _config.Written);
    }

    [Fact]
    public async Task Redirect_in_force_is_followed_and_what_was_rehearsed_is_over()
    {
        var redirect = new Redirect(Guid.NewGuid(), RedirectState.Pending, "db.new", 5433, "orders", "orders");
        var running = RunAsync(Token);
        Publish("10.0.0.1", 4, redirect);
        await Applied(4);

        Publish("10.0.0.1", 5, redirect with { State = RedirectState.Active });

        var state = await Applied(5);
        Assert.Equal(new PoolerTarget(new PrimaryAddress("db.new", 5433), "orders"), state.Target);
        Assert.Null(state.Rehearsed);
        _values.Writer.Complete();
        await running;
    }

    private Task RunAsync(CancellationToken token) => Task.Run(() => _follower.RunAsync(_values.Reader.ReadAllAsync(CancellationToken.None), token), CancellationToken.None);

    private Task<PoolerFollowerState> Applied(long revision) => _follower.WaitForRevisionAsync(revision, Token).WaitAsync(TimeSpan.FromSeconds(20), Token);

    private void Publish(string? address, long revision, Redirect? redirect = null) => _values.Writer.TryWrite(WantedTarget.Decide(
        new KeyedValue("/master", address, revision), new KeyedValue(StoreKeys.Redirect, redirect?.ToJson(), 1)));

    private sealed class FakeConfig : IPoolerConfig
    {
        private int _attempts;

        public PgClusterException? Error { get; set; }

        public PrimaryAddress? Refuse { get; set; }

        public PoolerTarget? Written { get; private set; }

        public string? Objection { get; set; }

        public int Attempts => Volatile.Read(ref _attempts);

        public Task WriteAsync(PoolerTarget target, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _attempts);
            if (Error is not null || target.Address == Refuse)
            {
                throw Error ?? new PgClusterException(Reason.InvalidConfiguration, "refused");
            }

            Written = target;
            return Task.CompletedTask;
        }

        public Task<string?> ObjectionAsync(Redirect redirect, CancellationToken cancellationToken) => Task.FromResult(Objection);
    }
}
