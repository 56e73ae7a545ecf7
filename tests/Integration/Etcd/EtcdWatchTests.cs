using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Etcd;
using PgCluster.Engine.Store;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Etcd;

public sealed class EtcdWatchTests(EtcdServerFixture fixture) : IClassFixture<EtcdServerFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private EtcdServer Server => fixture.Server;

    [Fact]
    public async Task PG12_A_key_set_to_the_target_after_the_watch_starts_is_seen()
    {
        await using var store = Server.Connect();
        await using var watch = await store.WatchAsync("/master", isPrefix: false, 0, Token);
        var events = WatchReader.Read(watch);
        await store.PutAsync("/master", "10.0.0.3", null, Token);
        Assert.Equal(await store.GetAsync("/master", Token), await events.NextPutAsync());
    }

    [Fact]
    public async Task PG13_A_key_set_twice_to_other_values_never_shows_the_target()
    {
        await using var store = Server.Connect();
        await using var watch = await store.WatchAsync("/master", isPrefix: false, 0, Token);
        var events = WatchReader.Read(watch);
        await store.PutAsync("/master", "10.0.0.1", null, Token);
        await store.PutAsync("/master", "10.0.0.2", null, Token);
        Assert.Equal("10.0.0.1", (await events.NextPutAsync()).Value);
        Assert.Equal("10.0.0.2", (await events.NextPutAsync()).Value);
        Assert.True(await events.IsQuietForAsync(TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public async Task An_acknowledged_watch_misses_no_later_write_and_shows_no_earlier_one()
    {
        await using var store = Server.Connect();
        for (var i = 0; i < 50; i++)
        {
            await store.PutAsync("/k", $"before {i}", null, Token);
            await using var watch = await store.WatchAsync("/k", isPrefix: false, 0, Token);
            await store.PutAsync("/k", $"after {i}", null, Token);
            Assert.Equal($"after {i}", (await WatchReader.Read(watch).NextPutAsync()).Value);
        }
    }

    [Fact]
    public async Task An_event_arrives_within_milliseconds()
    {
        await using var store = Server.Connect();
        await using var watch = await store.WatchAsync("/k", isPrefix: false, 0, Token);
        var events = WatchReader.Read(watch);
        var times = new List<double>();
        for (var i = 0; i < 100; i++)
        {
            var clock = Stopwatch.StartNew();
            await store.PutAsync("/k", $"{i}", null, Token);
            await events.NextPutAsync();
            times.Add(clock.Elapsed.TotalMilliseconds);
        }

        times.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine($"put and event: median {times[50]:0.00} ms, p99 {times[98]:0.00} ms");
        Assert.True(times[50] < 50, $"median {times[50]:0.00} ms");
    }

    [Fact]
    public async Task A_watch_from_a_revision_catches_up_in_order()
    {
        await using var store = Server.Connect();
        var first = await store.PutAsync("/k/a", "1", null, Token);
        await store.PutAsync("/k/b", "2", null, Token);
        await store.DeleteAsync("/k/a", Token);
        await store.PutAsync("/other", "no", null, Token);
        await using var watch = await store.WatchAsync("/k/", isPrefix: true, first, Token);
        var events = WatchReader.Read(watch);
        Assert.Equal(("/k/a", "1"), Pair(await events.NextPutAsync()));
        Assert.Equal(("/k/b", "2"), Pair(await events.NextPutAsync()));
        Assert.Equal("/k/a", Assert.IsType<StoreEvent.Delete>(await events.NextAsync()).Key);
        Assert.True(await events.IsQuietForAsync(TimeSpan.FromMilliseconds(200)));

        static (string Key, string Value) Pair(StoreEntry entry) => (entry.Key, entry.Value);
    }

    [Fact]
    public async Task The_end_of_a_lease_is_a_deletion()
    {
        await using var store = Server.Connect();
        await using var watch = await store.WatchAsync("/k", isPrefix: false, 0, Token);
        var events = WatchReader.Read(watch);
        await using (var lease = await store.GrantLeaseAsync(TimeSpan.FromSeconds(30), Token))
        {
            await store.PutAsync("/k", "v", lease, Token);
            await events.NextPutAsync();
        }

        Assert.Equal("/k", Assert.IsType<StoreEvent.Delete>(await events.NextAsync()).Key);
    }

    [Fact]
    public async Task Disposing_a_watch_ends_its_reader()
    {
        await using var store = Server.Connect();
        var watch = await store.WatchAsync("/k", isPrefix: false, 0, Token);
        var reading = Task.Run(
            async () =>
            {
                await foreach (var _ in watch.ReadAllAsync(CancellationToken.None))
                {
                }
            },
            Token);
        await watch.DisposeAsync();
        await reading.WaitAsync(Poll.Budget, Token);
    }

    [Fact]
    public async Task A_slow_reader_loses_nothing()
    {
        await using var store = Server.Connect();
        var log = new ListLogger();
        await using var slow = Server.Connect(store.Client.Options.Namespace, log);
        await using var watch = await slow.WatchAsync("/k/", isPrefix: true, 0, Token);

        // Far more than the watch keeps for its reader, who has not begun to read.
        for (var i = 0; i < 1200; i++)
        {
            await store.CommitAsync([], [new StoreOperation.Put("/k/a", $"{i}"), new StoreOperation.Put("/k/b", $"{i}")], Token);
        }

        await Poll.UntilAsync("the watch noticed its slow reader", () => log.Count("etcd.watch.slow_reader") > 0);
        var events = WatchReader.Read(watch);
        for (var i = 0; i < 1200; i++)
        {
            var a = await events.NextPutAsync();
            var b = await events.NextPutAsync();
            Assert.Equal(("/k/a", $"{i}", "/k/b", $"{i}"), (a.Key, a.Value, b.Key, b.Value));
            Assert.Equal(a.ModRevision, b.ModRevision);
        }

        Assert.True(await events.IsQuietForAsync(TimeSpan.FromMilliseconds(200)));
    }

    [Fact]
    public async Task A_broken_connection_resumes_after_the_last_event()
    {
        await using var store = Server.Connect();
        await using var cutter = new TcpCutter(Server.Members[0].ClientUrl);
        await using var behind = Behind(cutter, store);
        await using var watch = await behind.WatchAsync("/k", isPrefix: false, 0, Token);
        var events = WatchReader.Read(watch);
        await store.PutAsync("/k", "before", null, Token);
        Assert.Equal("before", (await events.NextPutAsync()).Value);
        for (var i = 0; i < 5; i++)
        {
            cutter.Cut();
            await store.PutAsync("/k", $"while cut {i}", null, Token);
            cutter.Restore();
            Assert.Equal($"while cut {i}", (await events.NextPutAsync()).Value);
        }

        Assert.True(await events.IsQuietForAsync(TimeSpan.FromMilliseconds(300)));
    }

    [Fact]
    public async Task A_connection_gone_silent_is_noticed_and_replaced()
    {
        await using var store = Server.Connect();
        await using var cutter = new TcpCutter(Server.Members[0].ClientUrl);
        var options = Server.ClientOptions(store.Client.Options.Namespace);
        var log = new ListLogger();
        await using var behind = new EtcdStore(
            new EtcdOptions { Endpoints = [cutter.Address, Server.Members[0].ClientUrl], Namespace = options.Namespace }, TimeProvider.System, log);
        await using var watch = await behind.WatchAsync("/k", isPrefix: false, 0, Token);
        var events = WatchReader.Read(watch);

        // As a host that lost its power: nothing is closed. HTTP/2's own ping would come after 30 s.
        cutter.Silence();
        var clock = Stopwatch.StartNew();
        await store.PutAsync("/k", "v", null, Token);
        Assert.Equal("v", (await events.NextPutAsync()).Value);
        TestContext.Current.TestOutputHelper?.WriteLine($"noticed and replaced after {clock.Elapsed.TotalMilliseconds:0} ms");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"took {clock.Elapsed}");
    }

    [Fact]
    public async Task A_compaction_behind_a_broken_watch_is_a_gap()
    {
        await using var store = Server.Connect();
        await using var cutter = new TcpCutter(Server.Members[0].ClientUrl);
        await using var behind = Behind(cutter, store);
        await using var watch = await behind.WatchAsync("/k", isPrefix: false, 0, Token);
        var events = WatchReader.Read(watch);
        await store.PutAsync("/k", "seen", null, Token);
        await events.NextPutAsync();
        cutter.Cut();
        for (var i = 0; i < 5; i++)
        {
            await store.PutAsync("/k", $"lost {i}", null, Token);
        }

        var kept = await store.PutAsync("/k", "kept", null, Token);
        await Server.CompactAsync(kept - 1);
        cutter.Restore();
        Assert.Equal(kept - 1, Assert.IsType<StoreEvent.Gap>(await events.NextAsync()).Revision);
        Assert.Equal(("kept", kept), Pair(await events.NextPutAsync()));
        var after = await store.PutAsync("/k", "after", null, Token);
        Assert.Equal(("after", after), Pair(await events.NextPutAsync()));

        static (string Value, long ModRevision) Pair(StoreEntry entry) => (entry.Value, entry.ModRevision);
    }

    [Fact]
    public async Task A_deletion_at_the_very_revision_of_a_compaction_is_not_lost_silently()
    {
        await using var store = Server.Connect();
        await using var cutter = new TcpCutter(Server.Members[0].ClientUrl);
        await using var behind = Behind(cutter, store);
        await using var watch = await behind.WatchAsync("/k", isPrefix: false, 0, Token);
        var events = WatchReader.Read(watch);
        var seen = await store.PutAsync("/k", "v", null, Token);
        await events.NextPutAsync();
        cutter.Cut();
        Assert.True(await store.DeleteAsync("/k", Token));
        await Server.CompactAsync(seen + 1);
        cutter.Restore();
        var next = await events.NextAsync();
        Assert.True(next is StoreEvent.Gap or StoreEvent.Delete, $"{next}");
        Assert.Equal(seen + 1, next.Revision);
        await store.PutAsync("/k", "new", null, Token);
        Assert.Equal("new", (await events.NextPutAsync()).Value);
    }

    [Fact]
    public async Task A_watch_from_a_compacted_revision_begins_with_a_gap()
    {
        await using var store = Server.Connect();
        var first = await store.PutAsync("/k", "1", null, Token);
        var second = await store.PutAsync("/k", "2", null, Token);
        await Server.CompactAsync(second);
        await using var watch = await store.WatchAsync("/k", isPrefix: false, first, Token);
        var events = WatchReader.Read(watch);
        Assert.Equal(second, Assert.IsType<StoreEvent.Gap>(await events.NextAsync()).Revision);
        await store.PutAsync("/k", "3", null, Token);
        Assert.Equal("3", (await events.NextPutAsync()).Value);
    }

    private static EtcdStore Behind(TcpCutter cutter, EtcdStore other) => new(
        new EtcdOptions { Endpoints = [cutter.Address], Timeout = TimeSpan.FromSeconds(15), Namespace = other.Client.Options.Namespace }, TimeProvider.System, NullLogger.Instance);
}
