using PgCluster.Engine.Health;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Health;

public sealed class CircuitBreakerTests
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(60);

    private readonly FakeTimeProvider _time = new();
    private readonly CircuitBreaker _breaker;

    public CircuitBreakerTests() => _breaker = new CircuitBreaker(Window, 10, _time);

    [Fact]
    public void PR38_Either_kind_opens_it_at_its_threshold()
    {
        Fail(9, NodeErrorKind.Read);
        Fail(9, NodeErrorKind.Write);
        Assert.False(_breaker.IsOpen("G1"));
        Fail(1, NodeErrorKind.Read);
        Assert.True(_breaker.IsOpen("G1", NodeErrorKind.Read));
        Assert.False(_breaker.IsOpen("G1", NodeErrorKind.Write));
        Fail(1, NodeErrorKind.Write);
        Assert.True(_breaker.IsOpen("G1", NodeErrorKind.Write));
        Assert.True(_breaker.IsOpen("G1"));
        Assert.False(_breaker.IsOpen("G2"));
    }

    [Fact]
    public void PR38_An_error_outside_of_the_window_does_not_count_not_even_one()
    {
        Fail(1, NodeErrorKind.Read);
        _time.Advance(Window - TimeSpan.FromTicks(1));
        Fail(9, NodeErrorKind.Read);
        Assert.True(_breaker.IsOpen("G1"));
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.False(_breaker.IsOpen("G1"));
        Assert.Equal(9, _breaker.Count("G1", NodeErrorKind.Read));
        _time.Advance(Window);
        Assert.Equal(0, _breaker.Count("G1", NodeErrorKind.Read));
    }

    [Fact]
    public void PR38_More_errors_than_the_threshold_keep_the_newest()
    {
        Fail(10, NodeErrorKind.Write);
        _time.Advance(Window / 2);
        Fail(10, NodeErrorKind.Write);
        _time.Advance(Window / 2);
        Assert.True(_breaker.IsOpen("G1"));
    }

    [Fact]
    public async Task PR38_Any_number_of_threads_may_use_it()
    {
        var breaker = new CircuitBreaker(Window, 1000, _time);
        await Parallel.ForAsync(0, 1000, TestContext.Current.CancellationToken, (i, _) =>
        {
            Assert.False(breaker.IsOpen("G1", (NodeErrorKind)(i % 2)));
            breaker.Record("G1", (NodeErrorKind)(i % 2));
            return ValueTask.CompletedTask;
        });
        Assert.Equal((500, 500), (breaker.Count("G1", NodeErrorKind.Read), breaker.Count("G1", NodeErrorKind.Write)));
    }

    [Fact]
    public void PR38_Once_stopped_it_is_open_for_nobody_and_stays_so()
    {
        using var stop = new CancellationTokenSource();
        var breaker = new CircuitBreaker(Window, 1, _time, stop.Token);
        breaker.Record("G1", NodeErrorKind.Read);
        Assert.True(breaker.IsOpen("G1"));
        stop.Cancel();
        Assert.False(breaker.IsOpen("G1"));
        breaker.Record("G1", NodeErrorKind.Read);
        Assert.False(breaker.IsOpen("G1"));
    }

    [Fact]
    public void PR38_No_window_and_no_threshold_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new CircuitBreaker(TimeSpan.Zero, 1, _time));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CircuitBreaker(Window, 0, _time));
    }

    private void Fail(int times, NodeErrorKind kind)
    {
        for (var i = 0; i < times; i++)
        {
            _breaker.Record("G1", kind);
        }
    }
}
