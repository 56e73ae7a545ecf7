using NSubstitute;
using NSubstitute.ExceptionExtensions;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class PoolerRouteTests : IAsyncDisposable
{
    private static readonly Redirect Wanted = new(
        Guid.Parse("11111111-2222-3333-4444-555555555555"), RedirectState.Pending, "db.new", 5432, "orders", "orders");
    private static readonly string Lease = Wanted.RunId.ToString("n");

    private readonly FakeTimeProvider _time = new();
    private readonly IClusterStore _store = Substitute.For<IClusterStore>();
    private readonly IClusterPeers _peers = Substitute.For<IClusterPeers>();
    private readonly IPoolerKeeper _keeper = Substitute.For<IPoolerKeeper>();
    private readonly IStoreLock _lock = Substitute.For<IStoreLock>();
    private readonly CancellationTokenSource _lost = new();
    private readonly List<string?> _written = [];
    private readonly ClusterConfig _config;
    private string? _redirect;
    private string? _objection;

    public PoolerRouteTests()
    {
        _config = new ClusterConfig
        {
            Name = "test", Poolers = [new PoolerConfig { Name = "app", Host = "127.0.0.1", Keeper = new HostPort("127.0.0.1", 1) }],
        };
        _lock.Key.Returns("/master/1");
        _lock.CreateRevision.Returns(3);
        _lock.Lost.Returns(_lost.Token);
        _peers.Pooler("app", Arg.Any<string>()).Returns(_keeper);
        _keeper.GetAsync(default).ReturnsForAnyArgs(new PoolerInfo { Cluster = "test", Name = "app", Host = "127.0.0.1", Port = 6432, State = PoolerState.Active });
        _store.AcquireLockAsync(default!, default!, default, default, default).ReturnsForAnyArgs(_lock);
        _store.ListAsync(StoreKeys.Poolers, Arg.Any<CancellationToken>()).Returns(new StoreRange([], 9));
        _store.ListAsync(StoreKeys.Proxies, Arg.Any<CancellationToken>()).Returns(_ => new StoreRange(
            [
                new StoreEntry(
                    "/proxies/app", new ProxyReport("app", 9, "10.0.0.1", null, "1.0", Redirect.FromJson(_redirect)?.RunId, _objection).ToJson(), 1, 1, 1),
            ],
            9));
        _store.GetAsync(StoreKeys.Redirect, Arg.Any<CancellationToken>()).Returns(
            _ => _redirect is null ? null : new StoreEntry(StoreKeys.Redirect, _redirect, 5, 7, 1));
        _store.GetAsync("/master", Arg.Any<CancellationToken>()).Returns(new StoreEntry("/master", "10.0.0.1", 1, 1, 1));
        _store.CommitAsync(default!, default!, default).ReturnsForAnyArgs(call =>
        {
            _redirect = (call.Arg<IReadOnlyList<StoreOperation>>().Single() as StoreOperation.Put)?.Value;
            _written.Add(_redirect);
            return new StoreCommit(true, 8);
        });
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync()
    {
        _lost.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task There_it_announces_stops_activates_confirms_and_resumes()
    {
        await using var route = Open();

        await route.PrepareAsync(Token);
        await route.StopAsync(Token);
        await route.SwitchAsync(Token);
        await route.ReleaseAsync(Token);

        Assert.Equal([Wanted.ToJson(), (Wanted with { State = RedirectState.Active }).ToJson()], _written);
        await _lock.Received(1).DisposeAsync();
        Received.InOrder(() =>
        {
            _store.AcquireLockAsync(
                "/master/", new LockHolder("ann@db", "switchover of orders to db.new:5432/orders"),
                _config.Failover.LockTtl, _config.Failover.LockTimeout, Arg.Any<CancellationToken>());
            _keeper.PauseAsync(Lease, "ann@db", _config.Failover.PauseTimeout, _config.Failover.PauseExpiry, Arg.Any<CancellationToken>());
            _keeper.ConfirmTargetAsync(new PoolerTarget(new PrimaryAddress("db.new", 5432), "orders"), Arg.Any<CancellationToken>());
            _keeper.ResumeAsync(Lease, Arg.Any<CancellationToken>());
        });
    }

    [Fact]
    public async Task Back_it_takes_the_redirect_away_and_confirms_the_primary()
    {
        _redirect = (Wanted with { State = RedirectState.Active, RunId = Guid.Empty }).ToJson();
        await using var route = Open(back: true);

        await route.PrepareAsync(Token);
        Assert.Empty(_written);
        await route.StopAsync(Token);
        await route.SwitchAsync(Token);

        Assert.Equal([null], _written);
        await _keeper.Received(1).ConfirmTargetAsync(new PoolerTarget(new PrimaryAddress("10.0.0.1", 5432)), Arg.Any<CancellationToken>());
    }

    [Theory]
    [InlineData(true, null)]
    [InlineData(true, "Pending")]
    [InlineData(true, "elsewhere")]
    [InlineData(false, "another run's")]
    [InlineData(false, "unreadable")]
    public async Task Clients_that_are_not_where_the_route_begins_are_not_led(bool back, string? standing)
    {
        var active = Wanted with { State = RedirectState.Active };
        _redirect = standing switch
        {
            null => null,
            "Pending" => Wanted.ToJson(),
            "elsewhere" => (active with { Port = 6000 }).ToJson(),
            "another run's" => (active with { RunId = Guid.Empty }).ToJson(),
            _ => "{",
        };
        await using var route = Open(back);

        Assert.Equal(Reason.PreflightFailed, (await Assert.ThrowsAsync<PgClusterException>(() => route.PrepareAsync(Token))).Reason);
        Assert.Empty(_written);
        await route.ReleaseAsync(Token);
        await _lock.Received(1).DisposeAsync();
        await _keeper.DidNotReceive().ResumeAsync(Arg.Any<string?>(), Arg.Any<CancellationToken>());
    }

    [Fact]
    public async Task An_objection_ends_the_preparation_and_the_release_takes_the_announcement_back()
    {
        _objection = "no template";
        await using var route = Open();

        var error = await Assert.ThrowsAsync<PgClusterException>(() => route.PrepareAsync(Token));
        await route.ReleaseAsync(Token);

        Assert.Contains("no template", error.Message, StringComparison.Ordinal);
        Assert.Equal([Wanted.ToJson(), null], _written);
    }

    [Fact]
    public async Task After_the_flip_nothing_takes_the_announcement_back()
    {
        await using var route = Open();
        await route.PrepareAsync(Token);
        await route.StopAsync(Token);
        _store.GetAsync(StoreKeys.Redirect, Arg.Any<CancellationToken>()).ThrowsAsync(new PgClusterException(Reason.NoQuorum, "no leader"));
        await Assert.ThrowsAsync<PgClusterException>(() => route.SwitchAsync(Token));

        await route.ReleaseAsync(Token);

        Assert.Equal([Wanted.ToJson()], _written);
        await _keeper.Received(1).ResumeAsync(Lease, Arg.Any<CancellationToken>());
    }

    [Fact]
    public async Task Disposing_lets_clients_go_on_and_leaves_the_announcement_to_who_can_see_the_pointer()
    {
        var route = Open();
        await route.PrepareAsync(Token);
        await route.StopAsync(Token);

        await route.DisposeAsync();

        Assert.Equal([Wanted.ToJson()], _written);
        await _keeper.Received(1).ResumeAsync(Lease, Arg.Any<CancellationToken>());
        await _lock.Received(1).DisposeAsync();
    }

    [Fact]
    public async Task Release_tries_everything_and_names_the_first_that_failed()
    {
        await using var route = Open();
        await route.PrepareAsync(Token);
        await route.StopAsync(Token);
        _keeper.ResumeAsync(Lease, Arg.Any<CancellationToken>()).ThrowsAsync(new PgClusterException(Reason.PoolerUnreachable, "silent"));

        var error = await Assert.ThrowsAsync<PgClusterException>(() => route.ReleaseAsync(Token));

        Assert.Equal("app: silent", error.Message);
        Assert.Null(_redirect);
        await _lock.Received(1).DisposeAsync();
    }

    [Fact]
    public async Task A_stop_is_good_for_the_budgets_of_a_failover_and_no_longer()
    {
        await using var route = Open();
        await route.PrepareAsync(Token);
        await route.StopAsync(Token);
        var budget = _config.Failover.PauseTimeout + _config.Failover.MigrateTimeout;

        _time.Advance(budget - TimeSpan.FromTicks(1));
        Assert.False(route.StopLost.IsCancellationRequested);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.True(route.StopLost.IsCancellationRequested);
        Assert.True(budget < _config.Failover.PauseExpiry);
    }

    [Fact]
    public async Task A_stop_ends_with_the_lock()
    {
        await using var route = Open();
        await route.PrepareAsync(Token);
        await route.StopAsync(Token);

        await _lost.CancelAsync();

        Assert.True(route.StopLost.IsCancellationRequested);
    }

    [Theory]
    [InlineData("", 5432, "orders")]
    [InlineData("a b", 5432, "orders")]
    [InlineData("db.new", 0, "orders")]
    [InlineData("db.new", 5432, "")]
    public void A_target_that_no_pooler_could_lead_to_is_refused(string host, int port, string database)
    {
        var error = Assert.Throws<PgClusterException>(() => Open(redirect: Wanted with { Host = host, Port = port, Database = database }));

        Assert.Equal(Reason.InvalidArgument, error.Reason);
    }

    private PoolerRoute Open(bool back = false, Redirect? redirect = null) => new(_store, _peers, _config, _time, redirect ?? Wanted, "ann@db", back);
}
