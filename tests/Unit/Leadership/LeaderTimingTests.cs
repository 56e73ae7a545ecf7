using PgCluster.Engine.Leadership;

namespace PgCluster.Tests.Unit.Leadership;

public sealed class LeaderTimingTests
{
    [Theory]
    [InlineData(3, 2.4, 2.7)]
    [InlineData(10, 8.5, 9.5)]
    [InlineData(30, 25.5, 28.5)]
    public void The_leader_stops_before_its_lease_can_end(double ttl, double stopAfter, double killAfter)
    {
        var timing = new LeaderTiming(TimeSpan.FromSeconds(ttl));

        Assert.Equal((stopAfter, killAfter), (timing.StopAfter.TotalSeconds, timing.KillAfter.TotalSeconds));
        Assert.True(timing.SafetyMargin >= TimeSpan.FromMilliseconds(300) && timing.SafetyMargin.TotalSeconds >= ttl * 0.05);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(600)]
    public void A_clock_that_runs_a_twentieth_too_slow_still_kills_in_time(double ttl)
    {
        // What this node takes for KillAfter lasts that much longer by the store's clock.
        var byTheStore = new LeaderTiming(TimeSpan.FromSeconds(ttl)).KillAfter * 1.05;

        Assert.True(byTheStore < TimeSpan.FromSeconds(ttl), $"{byTheStore} of {ttl} s");
    }
}
