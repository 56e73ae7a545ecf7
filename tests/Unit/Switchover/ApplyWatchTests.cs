using PgCluster.Adapters.Switchover;
using PgCluster.Tests.Unit.Support;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class ApplyWatchTests
{
    [Theory]
    [InlineData(0, false, "always away from its slot")]
    [InlineData(4, false, "there at one look of five")]
    [InlineData(1, true, "at work on a large transaction")]
    public void A_worker_that_is_mostly_away_and_confirms_nothing_is_stuck(int presentEvery, bool busy, string why)
    {
        var time = new FakeTimeProvider();
        var watch = new ApplyWatch(time);
        var stuckAfter = 0;
        for (var second = 1; second <= 200 && stuckAfter == 0; second++)
        {
            stuckAfter = watch.IsStuck("0/1", working: presentEvery > 0 && second % presentEvery == 0) ? second : 0;
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.True(busy ? stuckAfter == 0 : stuckAfter is 62, $"{why}: {stuckAfter}");
    }

    [Fact]
    public void Whatever_is_confirmed_begins_the_wait_anew()
    {
        var time = new FakeTimeProvider();
        var watch = new ApplyWatch(time);
        for (var i = 0; i < 10; i++)
        {
            Assert.False(watch.IsStuck($"0/{i}", working: false));
            time.Advance(ApplyWatch.Limit);
            Assert.False(watch.IsStuck($"0/{i}", working: false));
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.True(watch.IsStuck("0/9", working: false));
    }
}
