using System.Text.Json;
using PgCluster.Engine.Store;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Etcd;

public sealed class EtcdLockTests(EtcdServerFixture fixture) : IClassFixture<EtcdServerFixture>
{
    private static readonly LockHolder Alice = new("alice@pg01", "failover to pg02");
    private static readonly LockHolder Bob = new("bob@pg02", "repair of pg03");
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(10);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private EtcdServer Server => fixture.Server;

    [Fact]
    public async Task A_free_lock_is_taken_and_others_see_by_whom()
    {
        await using var store = Server.Connect();
        Assert.Null(await store.GetLockAsync("/lock/", Token));
        await using (var held = await store.AcquireLockAsync("/lock/", Alice, Ttl, TimeSpan.Zero, Token))
        {
            Assert.Equal(new StoreLockState(held.Key, held.CreateRevision, Alice), await store.GetLockAsync("/lock/", Token));
            Assert.False(held.Lost.IsCancellationRequested);
            using var value = JsonDocument.Parse((await store.GetAsync(held.Key, Token))!.Value);
            Assert.Equal("alice@pg01", value.RootElement.GetProperty("name").GetString());
            Assert.Equal("failover to pg02", value.RootElement.GetProperty("purpose").GetString());
            Assert.True(value.RootElement.GetProperty("since").GetDateTimeOffset() > TimeProvider.System.GetUtcNow().AddMinutes(-1));
        }

        Assert.Null(await store.GetLockAsync("/lock/", Token));
    }

    [Fact]
    public async Task A_held_lock_is_LockHeld_naming_who_and_why_and_leaves_no_place_behind()
    {
        await using var store = Server.Connect();
        await using var held = await store.AcquireLockAsync("/lock/", Alice, Ttl, TimeSpan.Zero, Token);
        var error = await Assert.ThrowsAsync<PgClusterException>(
            () => store.AcquireLockAsync("/lock/", Bob, Ttl, TimeSpan.FromMilliseconds(200), Token));
        Assert.Equal(Reason.LockHeld, error.Reason);
        Assert.Contains("alice@pg01", error.Message, StringComparison.Ordinal);
        Assert.Contains("failover to pg02", error.Message, StringComparison.Ordinal);
        Assert.Equal([held.Key], (await store.ListAsync("/lock/", Token)).Entries.Select(entry => entry.Key));
    }

    [Fact]
    public async Task A_caller_that_cancels_leaves_no_place_behind()
    {
        await using var store = Server.Connect();
        await using var held = await store.AcquireLockAsync("/lock/", Alice, Ttl, TimeSpan.Zero, Token);
        using var cancel = new CancellationTokenSource();
        var waiting = store.AcquireLockAsync("/lock/", Bob, Ttl, Poll.Budget, cancel.Token);
        await Poll.UntilAsync("bob waits", async () => (await store.ListAsync("/lock/", Token)).Entries.Count == 2);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Single((await store.ListAsync("/lock/", Token)).Entries);
    }

    [Fact]
    public async Task Ten_waiters_are_served_in_the_order_they_came_and_one_at_a_time()
    {
        await using var store = Server.Connect();
        var first = await store.AcquireLockAsync("/lock/", Alice, Ttl, TimeSpan.Zero, Token);
        var order = new List<int>();
        var inside = 0;
        var tasks = new List<Task>();
        for (var i = 0; i < 10; i++)
        {
            var number = i;
            tasks.Add(Task.Run(
                async () =>
                {
                    await using var mine = await store.AcquireLockAsync("/lock/", new LockHolder($"w{number}", "test"), Ttl, Poll.Budget, Token);
                    Assert.Equal(1, Interlocked.Increment(ref inside));
                    order.Add(number);
                    await store.PutAsync("/inside", $"{number}", null, Token);
                    Assert.Equal(0, Interlocked.Decrement(ref inside));
                },
                Token));
            await Poll.UntilAsync($"waiter {i} stands in the queue", async () => (await store.ListAsync("/lock/", Token)).Entries.Count == number + 2);
        }

        await first.DisposeAsync();
        await Task.WhenAll(tasks);
        Assert.Equal(Enumerable.Range(0, 10), order);
        Assert.Empty((await store.ListAsync("/lock/", Token)).Entries);
    }

    [Fact]
    public async Task A_waiter_in_the_middle_that_leaves_does_not_let_the_next_one_in()
    {
        await using var store = Server.Connect();
        var held = await store.AcquireLockAsync("/lock/", Alice, Ttl, TimeSpan.Zero, Token);
        using var cancel = new CancellationTokenSource();
        var middle = store.AcquireLockAsync("/lock/", Bob, Ttl, Poll.Budget, cancel.Token);
        await Poll.UntilAsync("bob waits", async () => (await store.ListAsync("/lock/", Token)).Entries.Count == 2);
        var last = store.AcquireLockAsync("/lock/", new LockHolder("carol", "x"), Ttl, Poll.Budget, Token);
        await Poll.UntilAsync("carol waits", async () => (await store.ListAsync("/lock/", Token)).Entries.Count == 3);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => middle);
        await Assert.ThrowsAsync<TimeoutException>(() => last.WaitAsync(TimeSpan.FromMilliseconds(300), Token));
        await held.DisposeAsync();
        await using var taken = await last.WaitAsync(Poll.Budget, Token);
        Assert.Equal("carol", (await store.GetLockAsync("/lock/", Token))!.Holder.Name);
    }

    [Fact]
    public async Task A_lock_is_lost_when_its_lease_is_revoked()
    {
        await using var store = Server.Connect();
        await using var held = await store.AcquireLockAsync("/lock/", Alice, TimeSpan.FromSeconds(60), TimeSpan.Zero, Token);
        await Server.ControlAsync("lease", "revoke", held.Key["/lock/".Length..]);

        // Long before the next renewal is due: the lock watches its own key.
        await EtcdLeaseTests.WhenCancelled(held.Lost).WaitAsync(TimeSpan.FromSeconds(10), Token);
    }

    [Fact]
    public async Task A_lock_is_lost_when_its_key_is_deleted()
    {
        await using var store = Server.Connect();
        await using var held = await store.AcquireLockAsync("/lock/", Alice, TimeSpan.FromSeconds(60), TimeSpan.Zero, Token);
        Assert.True(await store.DeleteAsync(held.Key, Token));
        await EtcdLeaseTests.WhenCancelled(held.Lost).WaitAsync(TimeSpan.FromSeconds(10), Token);
    }

    [Fact]
    public async Task A_waiter_whose_place_is_deleted_does_not_get_in()
    {
        await using var store = Server.Connect();
        await using var held = await store.AcquireLockAsync("/lock/", Alice, Ttl, TimeSpan.Zero, Token);
        var waiting = store.AcquireLockAsync("/lock/", Bob, Ttl, Poll.Budget, Token);
        string? place = null;
        await Poll.UntilAsync(
            "bob waits",
            async () => (place = (await store.ListAsync("/lock/", Token)).Entries.FirstOrDefault(entry => entry.Key != held.Key)?.Key) is not null);
        Assert.True(await store.DeleteAsync(place!, Token));
        await held.DisposeAsync();
        Assert.Equal(Reason.LockLost, (await Assert.ThrowsAsync<PgClusterException>(() => waiting)).Reason);
        Assert.Null(await store.GetLockAsync("/lock/", Token));
    }

    [Fact]
    public async Task A_lock_held_by_etcdctl_keeps_us_out_until_it_is_given_back()
    {
        await using var store = Server.Connect();
        var prefix = store.Client.Options.Namespace + "/lock";
        await using var tool = Server.StartControl("lock", prefix);
        await Poll.UntilAsync("etcdctl holds the lock", () => tool.Output.Contains(prefix, StringComparison.Ordinal));
        Assert.Equal(new LockHolder("", ""), (await store.GetLockAsync("/lock/", Token))!.Holder);
        var error = await Assert.ThrowsAsync<PgClusterException>(
            () => store.AcquireLockAsync("/lock/", Alice, Ttl, TimeSpan.FromMilliseconds(200), Token));
        Assert.Equal(Reason.LockHeld, error.Reason);

        var waiting = store.AcquireLockAsync("/lock/", Alice, Ttl, Poll.Budget, Token);
        await Poll.UntilAsync("we wait", async () => (await store.ListAsync("/lock/", Token)).Entries.Count == 2);
        var key = (await store.GetLockAsync("/lock/", Token))!.Key;
        await Server.ControlAsync("lease", "revoke", key["/lock/".Length..]);
        await using var held = await waiting;
        Assert.Equal(Alice, (await store.GetLockAsync("/lock/", Token))!.Holder);
    }

    [Fact]
    public async Task A_lock_held_by_us_keeps_etcdctl_out_until_it_is_given_back()
    {
        await using var store = Server.Connect();
        var prefix = store.Client.Options.Namespace + "/lock";
        var held = await store.AcquireLockAsync("/lock/", Alice, Ttl, TimeSpan.Zero, Token);
        await using var tool = Server.StartControl("lock", prefix);
        await Poll.UntilAsync("etcdctl waits", async () => (await store.ListAsync("/lock/", Token)).Entries.Count == 2);
        Assert.DoesNotContain(prefix, tool.Output, StringComparison.Ordinal);
        Assert.Equal(Alice, (await store.GetLockAsync("/lock/", Token))!.Holder);
        await held.DisposeAsync();
        await Poll.UntilAsync("etcdctl holds the lock", () => tool.Output.Contains(prefix, StringComparison.Ordinal));
        Assert.Equal("", (await store.GetLockAsync("/lock/", Token))!.Holder.Name);
    }

    [Fact]
    public async Task A_prefix_without_a_slash_is_refused()
    {
        await using var store = Server.Connect();
        var error = await Assert.ThrowsAsync<PgClusterException>(() => store.AcquireLockAsync("/lock", Alice, Ttl, TimeSpan.Zero, Token));
        Assert.Equal(Reason.InvalidArgument, error.Reason);
    }
}
