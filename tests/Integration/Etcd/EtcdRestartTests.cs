using PgCluster.Adapters.Etcd;
using PgCluster.Engine.Store;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Etcd;

/// <summary>What happens to etcd here would disturb other tests: each has a server of its own.</summary>
public sealed class EtcdRestartTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_watch_survives_restarts_with_every_event_once_and_in_order()
    {
        await using var server = await EtcdServer.StartAsync();
        await using var store = server.Connect();
        await using var watch = await store.WatchAsync("/k", isPrefix: false, 0, Token);
        var events = WatchReader.Read(watch);
        var written = 0;
        for (var restart = 0; restart < 3; restart++)
        {
            for (var i = 0; i < 20; i++)
            {
                await store.PutAsync("/k", $"{written++}", null, Token);
            }

            await server.RestartAsync();
        }

        await store.PutAsync("/k", $"{written++}", null, Token);
        for (var i = 0; i < written; i++)
        {
            Assert.Equal($"{i}", (await events.NextPutAsync()).Value);
        }

        Assert.True(await events.IsQuietForAsync(TimeSpan.FromMilliseconds(500)));
    }

    [Fact]
    public async Task A_quiet_watch_moves_on_by_progress_so_that_a_compaction_behind_it_is_no_gap()
    {
        await using var server = await EtcdServer.StartAsync(
            new EtcdServerOptions { Arguments = ["--experimental-watch-progress-notify-interval", "200ms"] });
        await using var store = server.Connect();
        await using var cutter = new TcpCutter(server.Members[0].ClientUrl);
        var log = new ListLogger();
        await using var behind = new EtcdStore(
            new EtcdOptions { Endpoints = [cutter.Address], Timeout = TimeSpan.FromSeconds(15), Namespace = store.Client.Options.Namespace }, TimeProvider.System, log);
        await using var watch = await behind.WatchAsync("/quiet", isPrefix: false, 0, Token);
        var events = WatchReader.Read(watch);
        long last = 0;
        for (var i = 0; i < 10; i++)
        {
            last = await store.PutAsync("/busy", $"{i}", null, Token);
        }

        await Poll.UntilAsync("the watch has moved on", () => ((EtcdWatch)watch).ResumeRevision > last);
        await server.CompactAsync(last);
        cutter.Cut();
        cutter.Restore();
        await Poll.UntilAsync("the watch broke", () => log.Count("etcd.watch.broken") > 0);
        await Poll.UntilAsync("the watch is back", () => log.Count("etcd.watch.started") > 1);
        await store.PutAsync("/quiet", "v", null, Token);
        Assert.Equal("v", (await events.NextPutAsync()).Value);
    }

    [Fact]
    public async Task A_lease_survives_a_restart_shorter_than_its_time()
    {
        await using var server = await EtcdServer.StartAsync();
        await using var store = server.Connect();
        await using var lease = await store.GrantLeaseAsync(TimeSpan.FromSeconds(6), Token);
        await store.PutAsync("/k", "v", lease, Token);
        await server.RestartAsync();

        // Longer than the lease: it lives only if it was renewed after the restart.
        await Assert.ThrowsAsync<TimeoutException>(() => EtcdLeaseTests.WhenCancelled(lease.Lost).WaitAsync(TimeSpan.FromSeconds(7), Token));
        Assert.Equal("v", (await store.GetAsync("/k", Token))!.Value);
    }

    [Fact]
    public async Task A_lease_is_lost_when_etcd_freezes_for_longer_than_its_time()
    {
        await using var server = await EtcdServer.StartAsync();
        await using var store = server.Connect();
        await using var lease = await store.GrantLeaseAsync(TimeSpan.FromSeconds(2), Token);
        var lost = EtcdLeaseTests.WhenCancelled(lease.Lost);

        // Longer than its time: it is a renewal that runs out, not the grant.
        await Assert.ThrowsAsync<TimeoutException>(() => lost.WaitAsync(TimeSpan.FromSeconds(2.5), Token));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        server.Members[0].Freeze();
        try
        {
            await lost.WaitAsync(Poll.Budget, Token);

            // Renewed at a third of its time, so between two thirds and all of it are left at any moment.
            Assert.InRange(clock.Elapsed.TotalSeconds, 1.2, 10);
        }
        finally
        {
            server.Members[0].Thaw();
        }
    }

    [Fact]
    public async Task Giving_up_a_lease_of_a_dead_etcd_is_bounded()
    {
        await using var server = await EtcdServer.StartAsync();
        await using var store = server.Connect();
        var lease = await store.GrantLeaseAsync(TimeSpan.FromSeconds(60), Token);
        await server.Members[0].KillAsync();
        await lease.DisposeAsync().AsTask().WaitAsync(Poll.Budget, Token);
        Assert.True(lease.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task A_lock_survives_a_restart_and_keeps_others_out_meanwhile()
    {
        await using var server = await EtcdServer.StartAsync();
        await using var store = server.Connect();
        var held = await store.AcquireLockAsync("/lock/", new LockHolder("a", "x"), TimeSpan.FromSeconds(10), TimeSpan.Zero, Token);
        var waiting = store.AcquireLockAsync("/lock/", new LockHolder("b", "y"), TimeSpan.FromSeconds(10), Poll.Budget, Token);
        await Poll.UntilAsync("the other one waits", async () => (await store.ListAsync("/lock/", Token)).Entries.Count == 2);
        await server.RestartAsync();
        Assert.False(held.Lost.IsCancellationRequested);
        Assert.False(waiting.IsCompleted);
        await held.DisposeAsync();
        await using var next = await waiting;
        Assert.Equal("b", (await store.GetLockAsync("/lock/", Token))!.Holder.Name);
    }
}
