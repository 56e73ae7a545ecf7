using PgCluster.Engine.Configuration;
using PgCluster.Engine.Readiness;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Readiness;

public sealed class ReadinessWaitTests
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);

    private readonly FakeTimeProvider _time = new();
    private readonly List<IReadOnlyList<NodeReadiness>> _looked = [];
    private Func<CancellationToken, Task<ReadinessLook>> _look = _ => Task.FromResult(Look(SampleView.Sound()));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nodes_that_are_ready_are_not_waited_for()
    {
        var view = await RunAsync(null);

        Assert.Equal(3, view.Nodes.Count);
        Assert.Equal(["pg01", "pg02", "pg03"], Assert.Single(_looked).Select(n => n.Name));
    }

    [Fact]
    public async Task All_have_to_be_ready_in_one_and_the_same_look()
    {
        var views = new Queue<ClusterView>([SampleView.Sound().Silent("pg02"), SampleView.Sound().Silent("pg03"), SampleView.Sound()]);
        _look = _ => Task.FromResult(Look(views.Dequeue()));

        var waiting = RunAsync(["pg02", "pg03"]);
        await NextAsync();
        await NextAsync();
        await waiting;

        Assert.Equal(["pg02", "pg03", ""], _looked.Select(l => string.Join(",", l.Where(n => !n.IsReady).Select(n => n.Name))));
        Assert.All(_looked, l => Assert.Equal(2, l.Count));
    }

    [Fact]
    public async Task A_node_that_is_not_asked_for_may_lack_what_it_will()
    {
        _look = _ => Task.FromResult(Look(SampleView.Sound().Silent("pg03")));

        await RunAsync(["pg01", "pg02"]);
    }

    [Fact]
    public async Task When_the_time_is_over_each_node_is_named_with_what_it_lacks()
    {
        _look = _ => Task.FromResult(Look(SampleView.Sound().Silent("pg02").Down("pg03")));

        var waiting = RunAsync(null, TimeSpan.FromMilliseconds(700));
        await NextAsync();
        await _time.WhenTimerAsync(Poll);
        _time.Advance(TimeSpan.FromMilliseconds(200));

        var error = await Assert.ThrowsAsync<PgClusterException>(() => waiting);
        Assert.Equal(Reason.NodeNotReady, error.Reason);
        Assert.Equal("not ready within 700ms: pg02: its agent does not answer (connection refused); pg03: its PostgreSQL is Stopped (no postmaster runs)", error.Message);
    }

    [Fact]
    public async Task A_look_that_does_not_end_is_cut_off_with_the_time()
    {
        _look = async token =>
        {
            await Task.Delay(Timeout.Infinite, token);
            throw new InvalidOperationException("unreachable");
        };

        var waiting = RunAsync(["pg01"], TimeSpan.FromMilliseconds(50));
        _time.Advance(TimeSpan.FromMilliseconds(50));

        var error = await Assert.ThrowsAsync<PgClusterException>(() => waiting);
        Assert.Equal((Reason.NodeNotReady, "not ready within 50ms: no look at them came to its end"), (error.Reason, error.Message));
    }

    [Fact]
    public async Task A_store_that_goes_away_may_come_back()
    {
        var looks = 0;
        _look = _ => looks++ == 0 ? throw new PgClusterException(Reason.StoreUnavailable, "etcd is gone") : Task.FromResult(Look(SampleView.Sound()));

        var waiting = RunAsync(null);
        await NextAsync();
        await waiting;

        Assert.Equal(2, looks);
    }

    [Fact]
    public async Task A_name_that_no_node_has_is_an_error_at_once()
    {
        var error = await Assert.ThrowsAsync<PgClusterException>(() => RunAsync(["pg01", "pg09"]));

        Assert.Equal((Reason.NodeNotFound, "pg09"), (error.Reason, error.Target));
    }

    [Theory]
    [InlineData(30)]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(8 * TimeSpan.TicksPerDay)]
    public async Task A_wait_has_a_sensible_length(long ticks) =>
        Assert.Equal(Reason.InvalidArgument, (await Assert.ThrowsAsync<PgClusterException>(() => RunAsync(null, TimeSpan.FromTicks(ticks)))).Reason);

    [Fact]
    public async Task Whoever_asks_may_stop()
    {
        _look = _ => Task.FromResult(Look(SampleView.Sound().Silent("pg02")));
        using var stop = new CancellationTokenSource();

        var waiting = new ReadinessWait(_look, _time).RunAsync(null, NodeCondition.InRole, TimeSpan.FromMinutes(5), _looked.Add, stop.Token);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    private static ReadinessLook Look(ClusterView view) => new(ClusterManager.Native, view, null);

    private Task<ClusterView> RunAsync(string[]? names, TimeSpan? timeout = null) =>
        new ReadinessWait(_look, _time).RunAsync(names, NodeCondition.InRole, timeout ?? TimeSpan.FromMinutes(5), _looked.Add, Token);

    private async Task NextAsync()
    {
        await _time.WhenTimerAsync(Poll);
        _time.Advance(Poll);
    }
}
