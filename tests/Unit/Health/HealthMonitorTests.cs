using NSubstitute;
using NSubstitute.ExceptionExtensions;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Health;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Health;

public sealed class HealthMonitorTests : IAsyncDisposable
{
    private static readonly HealthConfig Times = new();

    private readonly FakeTimeProvider _time = new();
    private readonly IClusterStore _store = Substitute.For<IClusterStore>();
    private readonly IClusterPeers _peers = Substitute.For<IClusterPeers>();
    private readonly RecordingLogger<HealthMonitor> _logger = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<HealthReport> _written = [];
    private readonly Dictionary<string, Func<CancellationToken, Task<NodeReport>>> _agents = [];
    private readonly HealthMonitor _monitor;
    private Task _run = Task.CompletedTask;

    public HealthMonitorTests()
    {
        var config = new ClusterConfig { Name = "c", Nodes = [Node("G1"), Node("G2")] };
        foreach (var node in config.Nodes)
        {
            var agent = Substitute.For<INodeAgent>();
            agent.GetStatusAsync(Arg.Any<CancellationToken>()).Returns(call => _agents[node.Name](call.Arg<CancellationToken>()));
            _peers.Node(node.Name).Returns(agent);
            _agents[node.Name] = _ => Task.FromResult(Clinic.Report(node.Name));
        }

        _peers.PostgresAnswersAsync(Arg.Any<string>(), Arg.Any<int>(), Arg.Any<CancellationToken>()).Returns(true);
        _store.GrantLeaseAsync(Arg.Any<TimeSpan>(), Arg.Any<CancellationToken>()).Returns(_ => Lease(CancellationToken.None));
        _store.PutAsync(Arg.Any<string>(), Arg.Any<string>(), Arg.Any<IStoreLease?>(), Arg.Any<CancellationToken>()).Returns(call =>
        {
            _written.Add(HealthReport.FromJson(call.ArgAt<string>(1))!);
            return 1L;
        });
        _monitor = new HealthMonitor("P1", config, _store, _peers, _time, _logger);
    }

    [Fact]
    public async Task PR9_The_first_round_signals_once_whatever_it_found()
    {
        Down("G1");
        Down("G2");
        Assert.False(_monitor.FirstRound.IsCompleted);
        Assert.Null(_monitor.SinceWritten);
        await StartAsync();

        Assert.True(_monitor.FirstRound.IsCompletedSuccessfully);
        var first = _monitor.FirstRound;
        await NextRoundAsync();
        Assert.Same(first, _monitor.FirstRound);
        Assert.Equal(2, _written.Count);
        Assert.All(_written[0].Votes, v => Assert.Null(v.SuccessAgeMs));
        Assert.Equal(TimeSpan.Zero, _monitor.SinceWritten);
    }

    [Fact]
    public async Task PR9_A_round_that_could_not_be_written_does_not_signal()
    {
        _store.GrantLeaseAsync(Arg.Any<TimeSpan>(), Arg.Any<CancellationToken>()).Throws(new PgClusterException(Reason.StoreUnavailable, "away"));
        await StartAsync();
        Assert.False(_monitor.FirstRound.IsCompleted);
        _store.GrantLeaseAsync(Arg.Any<TimeSpan>(), Arg.Any<CancellationToken>()).Returns(_ => Lease(CancellationToken.None));
        await NextRoundAsync();
        Assert.True(_monitor.FirstRound.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task PR3_The_own_view_turns_at_once()
    {
        await StartAsync();
        await NextRoundAsync();
        await NextRoundAsync();
        Assert.Equal(HealthState.Healthy, _monitor.LocalState("G1"));
        Down("G1");
        await NextRoundAsync();
        Assert.Equal(HealthState.Unhealthy, _monitor.LocalState("G1"));
        Assert.Equal(HealthState.Healthy, _monitor.LocalState("G2"));
        Assert.Equal(HealthState.Unknown, _monitor.LocalState("G9"));
        var vote = _written[^1].Votes.Single(v => v.Node == "G1");
        Assert.Equal((0.0, 1000.0, false, false, "gone"), (vote.AttemptAgeMs, vote.SuccessAgeMs, vote.LocallyHealthy, vote.Agent, vote.Detail));
    }

    [Fact]
    public async Task PR11_A_store_that_hangs_is_given_up_and_the_loop_goes_on()
    {
        await StartAsync();
        _store.PutAsync(Arg.Any<string>(), Arg.Any<string>(), Arg.Any<IStoreLease?>(), Arg.Any<CancellationToken>())
            .Returns(call => NeverAsync<long>(call.Arg<CancellationToken>()));
        Down("G1");
        _time.Advance(Times.Interval);
        await _time.WhenTimerAsync(TimeSpan.FromSeconds(3));
        _time.Advance(TimeSpan.FromSeconds(3));
        await _time.WhenTimerAsync(Times.Interval);

        Assert.Contains(_logger.Entries, e => e.Id == 2300);
        Assert.Equal(HealthState.Unhealthy, _monitor.LocalState("G1"));
        Assert.Single(_written);
        Assert.Equal(TimeSpan.FromSeconds(4), _monitor.SinceWritten);
    }

    [Fact]
    public async Task A_node_that_hangs_delays_a_round_by_the_budget_and_no_other_node()
    {
        _agents["G1"] = NeverAsync<NodeReport>;
        _run = _monitor.RunAsync(_stop.Token);
        await _time.WhenTimerAsync(Times.ProbeTimeout);
        _time.Advance(Times.ProbeTimeout);
        await _monitor.FirstRound;

        Assert.Equal("its agent does not answer within 1 s", _monitor.LastProbe("G1")!.Detail);
        Assert.Equal(TimeSpan.Zero, _monitor.LastProbe("G2")!.Latency);
        Assert.True(_monitor.LastProbe("G2")!.Success);

        // Ages count from the beginning of the look.
        Assert.All(_written[0].Votes, v => Assert.Equal(1000, v.AttemptAgeMs));
    }

    [Fact]
    public async Task Its_key_stands_under_its_lease_which_is_taken_again_when_it_was_lost()
    {
        using var lost = new CancellationTokenSource();
        var first = Lease(lost.Token);
        var second = Lease(CancellationToken.None);
        _store.GrantLeaseAsync(Times.ObserverTimeout, Arg.Any<CancellationToken>()).Returns(first, second);
        await StartAsync();
        await NextRoundAsync();
        await _store.Received(2).PutAsync("/health/P1", Arg.Any<string>(), first, Arg.Any<CancellationToken>());
        await lost.CancelAsync();
        await NextRoundAsync();
        await _store.Received(1).PutAsync("/health/P1", Arg.Any<string>(), second, Arg.Any<CancellationToken>());
        await first.Received(1).DisposeAsync();

        await _stop.CancelAsync();
        await _run;
        await second.Received(1).DisposeAsync();
    }

    [Fact]
    public async Task It_knows_where_the_only_primary_writes_as_long_as_it_has_seen_it()
    {
        await StartAsync();
        Assert.Null(_monitor.PrimaryLsn);
        _agents["G1"] = _ => Task.FromResult(Clinic.Report("G1", primaryAt: new Lsn(100)));
        await NextRoundAsync();
        Assert.Equal(new Lsn(100), _monitor.PrimaryLsn);
        _agents["G2"] = _ => Task.FromResult(Clinic.Report("G2", primaryAt: new Lsn(200)));
        await NextRoundAsync();
        Assert.Null(_monitor.PrimaryLsn);
        Down("G1");
        await NextRoundAsync();
        Assert.Equal(new Lsn(200), _monitor.PrimaryLsn);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _stop.Dispose();
    }

    private async Task StartAsync()
    {
        _run = _monitor.RunAsync(_stop.Token);
        await _time.WhenTimerAsync(Times.Interval);
    }

    private async Task NextRoundAsync()
    {
        var rounds = _logger.Entries.Count(e => e.Id == 2300) + _written.Count;
        _time.Advance(Times.Interval);
        await _time.WhenTimerAsync(Times.Interval);
        Assert.Equal(rounds + 1, _logger.Entries.Count(e => e.Id == 2300) + _written.Count);
    }

    private static async Task<T> NeverAsync<T>(CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        throw new InvalidOperationException();
    }

    private void Down(string node) => _agents[node] = _ => throw new PgClusterException(Reason.AgentUnreachable, "gone");

    private static IStoreLease Lease(CancellationToken lost)
    {
        var lease = Substitute.For<IStoreLease>();
        lease.Lost.Returns(lost);
        return lease;
    }

    private static NodeConfig Node(string name) => new() { Name = name, Host = "h", Agent = new HostPort("h", 1), Http = new HostPort("h", 2) };
}
