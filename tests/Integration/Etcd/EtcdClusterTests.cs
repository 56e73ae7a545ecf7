using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Etcd;
using PgCluster.Engine.Store;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Etcd;

/// <summary>Three members, of which some fail; each test has its own three.</summary>
public sealed class EtcdClusterTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Writes_go_on_after_the_leader_died()
    {
        await using var server = await EtcdServer.StartAsync(members: 3);
        await using var store = server.Connect();
        await store.PutAsync("/k", "0", null, Token);
        await (await server.FindLeaderAsync()).KillAsync();
        var clock = Stopwatch.StartNew();
        await UntilWrittenAsync(store, "/k", "1");
        TestContext.Current.TestOutputHelper?.WriteLine($"a put succeeded {clock.Elapsed.TotalMilliseconds:0} ms after the leader's death");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(15), $"took {clock.Elapsed}");
        Assert.Equal("1", (await store.GetAsync("/k", Token))!.Value);
    }

    [Fact]
    public async Task Writes_go_on_while_the_leader_is_frozen_and_after_it_thaws()
    {
        await using var server = await EtcdServer.StartAsync(members: 3);
        await using var store = server.Connect();
        await store.PutAsync("/k", "0", null, Token);
        var leader = await server.FindLeaderAsync();
        leader.Freeze();
        await UntilWrittenAsync(store, "/k", "1");
        leader.Thaw();
        await leader.WaitUntilHealthyAsync();
        Assert.Equal("1", (await store.GetAsync("/k", Token))!.Value);
    }

    [Fact]
    public async Task A_watch_survives_the_loss_of_its_endpoint()
    {
        await using var server = await EtcdServer.StartAsync(members: 3);
        var leader = await server.FindLeaderAsync();
        var mine = server.Members.First(member => member != leader);
        var ns = $"/{Guid.NewGuid():N}";
        await using var writer = new EtcdStore(
            new EtcdOptions { Endpoints = [leader.ClientUrl], Namespace = ns }, TimeProvider.System, NullLogger.Instance);
        await using var store = new EtcdStore(
            new EtcdOptions { Endpoints = [mine.ClientUrl, .. server.Members.Where(m => m != mine).Select(m => m.ClientUrl)], Namespace = ns },
            TimeProvider.System,
            NullLogger.Instance);
        await using var watch = await store.WatchAsync("/k", isPrefix: false, 0, Token);
        var events = WatchReader.Read(watch);
        for (var i = 0; i < 20; i++)
        {
            await writer.PutAsync("/k", $"{i}", null, Token);
            if (i == 10)
            {
                await mine.KillAsync();
            }
        }

        for (var i = 0; i < 20; i++)
        {
            Assert.Equal($"{i}", (await events.NextPutAsync()).Value);
        }
    }

    [Fact]
    public async Task A_watch_follows_to_another_member_when_its_own_freezes()
    {
        await using var server = await EtcdServer.StartAsync(members: 3);
        var leader = await server.FindLeaderAsync();
        var mine = server.Members.First(member => member != leader);
        var ns = $"/{Guid.NewGuid():N}";
        await using var writer = new EtcdStore(
            new EtcdOptions { Endpoints = [leader.ClientUrl], Namespace = ns }, TimeProvider.System, NullLogger.Instance);
        await using var store = new EtcdStore(
            new EtcdOptions { Endpoints = [mine.ClientUrl, leader.ClientUrl], Namespace = ns }, TimeProvider.System, NullLogger.Instance);
        await using var watch = await store.WatchAsync("/k", isPrefix: false, 0, Token);
        var events = WatchReader.Read(watch);
        mine.Freeze();
        var clock = Stopwatch.StartNew();
        await writer.PutAsync("/k", "v", null, Token);
        Assert.Equal("v", (await events.NextPutAsync()).Value);
        TestContext.Current.TestOutputHelper?.WriteLine($"the event came {clock.Elapsed.TotalMilliseconds:0} ms after the freeze");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"took {clock.Elapsed}");
        mine.Thaw();
    }

    [Fact]
    public async Task Without_a_quorum_calls_say_NoQuorum_and_a_watch_waits_for_better_times()
    {
        await using var server = await EtcdServer.StartAsync(members: 3);
        var log = new ListLogger();
        var ns = $"/{Guid.NewGuid():N}";
        await using var store = server.Connect(ns);
        await using var alone = new EtcdStore(
            new EtcdOptions { Endpoints = [server.Members[0].ClientUrl], Namespace = ns }, TimeProvider.System, log);
        await using var watch = await alone.WatchAsync("/k", isPrefix: false, 0, Token);
        var events = WatchReader.Read(watch);
        await store.PutAsync("/k", "before", null, Token);
        Assert.Equal("before", (await events.NextPutAsync()).Value);
        await Task.WhenAll(server.Members[1].KillAsync(), server.Members[2].KillAsync());

        // The one that is left ends the watch's stream, instead of letting it follow a past that may be over.
        await Poll.UntilAsync("the watch was ended", () => log.Count("etcd.watch.broken") > 0);
        foreach (var call in new Func<Task>[]
                 {
                     () => store.GetAsync("/k", Token),
                     () => store.PutAsync("/k", "no", null, Token),
                     () => store.ListAsync("", Token),
                     () => store.WatchAsync("/k", false, 0, Token),
                     () => store.GrantLeaseAsync(TimeSpan.FromSeconds(10), Token),
                 })
        {
            var error = await Assert.ThrowsAsync<PgClusterException>(call);
            Assert.Equal(Reason.NoQuorum, error.Reason);
            Assert.All(server.Members, member => Assert.Contains(EtcdOptions.NameOf(member.ClientUrl), error.Message, StringComparison.Ordinal));
        }

        var health = await store.GetHealthAsync(Token);
        Assert.False(health.HasQuorum);
        Assert.DoesNotContain(health.Endpoints, endpoint => endpoint.Healthy);
        await server.StartMembersAsync();
        await UntilWrittenAsync(store, "/k", "after");
        Assert.Equal("after", (await events.NextPutAsync()).Value);
        Assert.True((await store.GetHealthAsync(Token)).HasQuorum);
    }

    [Fact]
    public async Task A_lease_is_lost_by_our_own_clock_when_the_quorum_is_gone()
    {
        await using var server = await EtcdServer.StartAsync(members: 3);
        await using var store = server.Connect();
        await using var lease = await store.GrantLeaseAsync(TimeSpan.FromSeconds(3), Token);
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(server.Members[1].KillAsync(), server.Members[2].KillAsync());
        await EtcdLeaseTests.WhenCancelled(lease.Lost).WaitAsync(Poll.Budget, Token);

        // A leader without its quorum may renew until it notices: one election timeout.
        Assert.InRange(clock.Elapsed.TotalSeconds, 1.5, 20);
    }

    [Fact]
    public async Task A_lease_outlives_its_leader()
    {
        await using var server = await EtcdServer.StartAsync(members: 3);
        await using var store = server.Connect();
        await using var lease = await store.GrantLeaseAsync(TimeSpan.FromSeconds(8), Token);
        await store.PutAsync("/k", "v", lease, Token);
        await (await server.FindLeaderAsync()).KillAsync();
        await Assert.ThrowsAsync<TimeoutException>(() => EtcdLeaseTests.WhenCancelled(lease.Lost).WaitAsync(TimeSpan.FromSeconds(10), Token));
        await UntilWrittenAsync(store, "/barrier", "1");
        Assert.Equal("v", (await store.GetAsync("/k", Token))!.Value);
    }

    [Fact]
    public async Task Health_shows_the_member_that_is_down()
    {
        await using var server = await EtcdServer.StartAsync(members: 3);
        await using var store = server.Connect();
        await server.Members[1].KillAsync();
        StoreHealth? health = null;
        await Poll.UntilAsync("a leader is there again", async () =>
        {
            health = await store.GetHealthAsync(Token);
            return health.HasQuorum && health.Endpoints.Count(endpoint => endpoint.IsLeader) == 1;
        });
        Assert.Equal([true, false, true], health!.Endpoints.Select(endpoint => endpoint.Healthy));
        Assert.NotEqual("", health.Endpoints[1].Detail);
    }

    /// <summary>Puts until it succeeds; a call alone may end within an election.</summary>
    private static Task UntilWrittenAsync(EtcdStore store, string key, string value) => Poll.UntilAsync($"{key} can be written", async () =>
    {
        try
        {
            await store.PutAsync(key, value, null, Token);
            return true;
        }
        catch (PgClusterException e) when (e.Reason is Reason.NoQuorum or Reason.StoreUnavailable)
        {
            return false;
        }
    });
}
