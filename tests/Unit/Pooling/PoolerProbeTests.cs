using PgCluster.Engine.Pooling;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Pooling;

public sealed class PoolerProbeTests : IAsyncDisposable
{
    private static readonly PoolerIdentity Identity = new("demo", "pool1", "127.0.0.1", 6432, "pg01", "127.0.0.1:8080");

    private readonly FakeTimeProvider _time = new();
    private readonly FakeConsole _console = new();
    private readonly PauseKeeper _keeper;
    private readonly PoolerProbe _probe;

    public PoolerProbeTests()
    {
        _keeper = new PauseKeeper("pool1", _console, _time, new RecordingLogger<PauseKeeper>());
        _probe = new PoolerProbe(Identity, _console, _keeper, TimeSpan.FromSeconds(2), _time);
        _console.Databases = () => [Database("a"), Database("b"), new("pgbouncer", null, 6432, "pgbouncer", "statement", 0, false, false)];
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _keeper.DisposeAsync();
        await _console.DisposeAsync();
    }

    [Fact]
    public async Task Active_pooler_is_a_full_row()
    {
        _console.Counts = new PoolerCounts(3, 2, 1, "transaction", "1.18.0");

        var info = await _probe.ProbeAsync(Token);

        Assert.Equal(("demo", "pool1", "127.0.0.1", 6432, "pg01", "127.0.0.1:8080"), (info.Cluster, info.Name, info.Host, info.Port, info.Node, info.Keeper));
        Assert.Equal(PoolerState.Active, info.State);
        Assert.Equal("10.0.0.1:5432", info.PointsTo);
        Assert.Equal(["a", "b"], info.Databases);
        Assert.Equal("transaction", info.PoolMode);
        Assert.Equal((5, 2, "1.18.0"), (info.Clients, info.ClientsWaiting, info.Version));
        Assert.Null(info.Lease);
    }

    [Fact]
    public async Task Differences_between_databases_are_all_shown()
    {
        _console.Databases = () => [Database("a"), Database("b") with { PoolMode = "session", Host = "fd00::1", Port = 6000 }];

        var info = await _probe.ProbeAsync(Token);

        Assert.Equal("10.0.0.1:5432,[fd00::1]:6000", info.PointsTo);
        Assert.Equal("transaction,session", info.PoolMode);
    }

    [Fact]
    public async Task Pause_of_ours_is_shown_with_its_lease()
    {
        var lease = await _keeper.PauseAsync("x", "me", TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(25), Token);

        var info = await _probe.ProbeAsync(Token);

        Assert.Equal(PoolerState.Paused, info.State);
        Assert.Equal(lease, info.Lease);
    }

    [Fact]
    public async Task Pause_that_is_waiting_is_shown_as_such()
    {
        var release = new TaskCompletionSource();
        _console.OnPause = _ => release.Task;
        var pausing = _keeper.PauseAsync("x", "me", TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(25), Token);

        Assert.Equal(PoolerState.Pausing, (await _probe.ProbeAsync(Token)).State);

        release.SetResult();
        await pausing;
    }

    [Fact]
    public async Task Pause_of_somebody_else_is_shown_without_a_lease()
    {
        _console.Databases = () => [Database("a"), Database("b") with { Paused = true }];

        var info = await _probe.ProbeAsync(Token);

        Assert.Equal(PoolerState.Paused, info.State);
        Assert.Null(info.Lease);
        Assert.Equal("1 of 2 databases paused", info.Evidence);
    }

    [Fact]
    public async Task Pooler_that_does_not_answer_is_a_row()
    {
        _console.Databases = () => throw new PgClusterException(Reason.PoolerUnreachable, "connection refused");

        var info = await _probe.ProbeAsync(Token);

        Assert.Equal(PoolerState.Unreachable, info.State);
        Assert.Equal("connection refused", info.Evidence);
        Assert.Null(info.PointsTo);
    }

    private static PoolerDatabase Database(string name) => new(name, "10.0.0.1", 5432, name, null, 1, false, false);
}
