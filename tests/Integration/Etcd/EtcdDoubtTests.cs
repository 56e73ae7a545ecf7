using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Etcd;
using PgCluster.Engine.Store;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Etcd;

/// <summary>
/// Writes of which a try goes wrong between us and etcd: it arrives late, or its answer is lost. The first way to etcd is a cutter, which is set
/// while the write decides: after its reading, before its writing. The second way is direct.
/// </summary>
public sealed class EtcdDoubtTests(EtcdServerFixture fixture) : IClassFixture<EtcdServerFixture>, IAsyncDisposable
{
    private readonly TcpCutter _cutter = new(fixture.Server.Members[0].ClientUrl);
    private EtcdStore? _store;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    // Three seconds for the first try.
    private EtcdStore Store => _store ??= new EtcdStore(
        new EtcdOptions
        {
            Endpoints = [_cutter.Address, fixture.Server.Members[0].ClientUrl],
            Namespace = $"/{Guid.NewGuid():N}",
            Timeout = TimeSpan.FromSeconds(30),
        },
        TimeProvider.System,
        NullLogger.Instance);

    [Fact]
    public async Task A_try_that_arrives_late_overwrites_nothing()
    {
        var write = await WriteAsync([new StoreOperation.Put("/k", "early")], [], _cutter.HoldRequests);
        Assert.True(write.Written);
        var late = await Store.PutAsync("/k", "late", null, Token);
        var answered = _cutter.ResponseBytes;

        // The request of the first try, but not the news that it was given up.
        await _cutter.SendHeldAsync(within: TimeSpan.FromSeconds(2.5));
        await Poll.UntilAsync("etcd has answered the late try", () => _cutter.ResponseBytes > answered);
        Assert.Equal(new StoreEntry("/k", "late", write.Revision, late, 2), await Store.GetAsync("/k", Token));
    }

    [Fact]
    public async Task A_put_whose_answer_was_lost_is_not_done_again()
    {
        var write = await WriteAsync([new StoreOperation.Put("/k", "v")], [], _cutter.LoseResponses);
        Assert.True(write.Written);
        Assert.Equal(1, (await Store.GetAsync("/k", Token))!.Version);
    }

    [Fact]
    public async Task A_deletion_whose_answer_was_lost_was_done()
    {
        await Store.PutAsync("/k", "v", null, Token);
        var write = await WriteAsync([new StoreOperation.Delete("/k")], [], _cutter.LoseResponses);
        Assert.True(write.Written);
        Assert.Null(await Store.GetAsync("/k", Token));
    }

    [Fact]
    public async Task A_conditional_write_under_our_lease_whose_answer_was_lost_is_recognised()
    {
        await using var lease = await Store.GrantLeaseAsync(TimeSpan.FromSeconds(60), Token);
        var write = await WriteAsync(
            [new StoreOperation.Put("/leader", "me", lease)], [new StoreCondition.Absent("/leader")], _cutter.LoseResponses, lease.Id);
        Assert.True(write.Written);
        Assert.Equal(1, (await Store.GetAsync("/leader", Token))!.Version);
    }

    [Fact]
    public async Task A_conditional_write_that_anybody_may_have_done_is_an_error()
    {
        await Store.PutAsync("/state", "idle", null, Token);
        var error = await Assert.ThrowsAsync<PgClusterException>(() => WriteAsync(
            [new StoreOperation.Put("/state", "busy")], [new StoreCondition.ValueIs("/state", "idle")], _cutter.LoseResponses));
        Assert.Equal(Reason.StoreUnavailable, error.Reason);
        Assert.Equal("busy", (await Store.GetAsync("/state", Token))!.Value);
    }

    [Fact]
    public async Task A_conditional_write_that_never_arrived_is_done_by_the_second_try()
    {
        await Store.PutAsync("/state", "idle", null, Token);
        var write = await WriteAsync(
            [new StoreOperation.Put("/state", "busy")], [new StoreCondition.ValueIs("/state", "idle")], _cutter.HoldRequests);
        Assert.True(write.Written);
        Assert.Equal(2, (await Store.GetAsync("/state", Token))!.Version);
    }

    public async ValueTask DisposeAsync()
    {
        _cutter.Cut();
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        await _cutter.DisposeAsync();
    }

    private Task<GuardedWrite> WriteAsync(
        IReadOnlyList<StoreOperation> operations, IReadOnlyList<StoreCondition> conditions, Action whileDeciding, long ownLease = 0)
    {
        var done = false;
        var writer = new GuardedWriter(Store.Client, lease => lease == ownLease);
        return writer.WriteAsync(operations, conditions, Decide, Store.Client.StartBudget(Token));

        bool Decide(KeySnapshot keys)
        {
            if (!done)
            {
                done = true;
                whileDeciding();
            }

            return keys.Satisfies(conditions);
        }
    }
}
