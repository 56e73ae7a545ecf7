using PgCluster.Adapters.Etcd;
using PgCluster.Engine.Store;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Etcd;

public sealed class EtcdLeaseTests(EtcdServerFixture fixture) : IClassFixture<EtcdServerFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private EtcdServer Server => fixture.Server;

    [Fact]
    public async Task A_lease_is_kept_alive_beyond_its_time()
    {
        await using var store = Server.Connect();
        await using var lease = await store.GrantLeaseAsync(TimeSpan.FromSeconds(4), Token);
        await store.PutAsync("/k", "v", lease, Token);
        await Assert.ThrowsAsync<TimeoutException>(() => WhenCancelled(lease.Lost).WaitAsync(TimeSpan.FromSeconds(9), Token));
        Assert.Equal("v", (await store.GetAsync("/k", Token))!.Value);
    }

    [Fact]
    public async Task Disposing_revokes_and_takes_the_keys_along()
    {
        await using var store = Server.Connect();
        var lease = await store.GrantLeaseAsync(TimeSpan.FromSeconds(60), Token);
        await store.PutAsync("/k", "v", lease, Token);
        Assert.False(lease.Lost.IsCancellationRequested);
        await lease.DisposeAsync();
        Assert.True(lease.Lost.IsCancellationRequested);
        Assert.Null(await store.GetAsync("/k", Token));
    }

    [Fact]
    public async Task Disposing_the_store_revokes_what_is_still_held()
    {
        var store = Server.Connect();
        var lease = await store.GrantLeaseAsync(TimeSpan.FromSeconds(60), Token);
        await store.PutAsync("/k", "v", lease, Token);
        await store.DisposeAsync();
        await using var other = Server.Connect(store.Client.Options.Namespace);
        Assert.Null(await other.GetAsync("/k", Token));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.GetAsync("/k", Token));
    }

    [Fact]
    public async Task A_lease_revoked_by_somebody_else_is_lost_with_the_next_renewal()
    {
        await using var store = Server.Connect();
        await using var lease = await store.GrantLeaseAsync(TimeSpan.FromSeconds(15), Token);
        await Server.ControlAsync("lease", "revoke", ((EtcdLease)lease).Name);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        await WhenCancelled(lease.Lost).WaitAsync(Poll.Budget, Token);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(12), $"took {clock.Elapsed}: as long as if it had run out");
    }

    [Fact]
    public async Task A_write_under_a_lease_that_ended_is_refused()
    {
        await using var store = Server.Connect();
        var lease = await store.GrantLeaseAsync(TimeSpan.FromSeconds(60), Token);
        await lease.DisposeAsync();
        var error = await Assert.ThrowsAsync<PgClusterException>(() => store.PutAsync("/k", "v", lease, Token));
        Assert.Equal(Reason.LockLost, error.Reason);
        Assert.Null(await store.GetAsync("/k", Token));
    }

    [Fact]
    public async Task A_connection_that_breaks_does_not_cost_the_lease()
    {
        await using var cutter = new TcpCutter(Server.Members[0].ClientUrl);
        await using var store = new EtcdStore(
            new EtcdOptions { Endpoints = [cutter.Address], Timeout = TimeSpan.FromSeconds(15) }, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        await using var lease = await store.GrantLeaseAsync(TimeSpan.FromSeconds(5), Token);
        var lost = WhenCancelled(lease.Lost);
        for (var i = 0; i < 20; i++)
        {
            cutter.Cut();
            cutter.Restore();
            await Assert.ThrowsAsync<TimeoutException>(() => lost.WaitAsync(TimeSpan.FromMilliseconds(500), Token));
        }
    }

    internal static Task WhenCancelled(CancellationToken token)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        token.Register(() => done.TrySetResult());
        return done.Task;
    }
}
