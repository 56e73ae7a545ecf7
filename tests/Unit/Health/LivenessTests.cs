using PgCluster.Engine.Health;

namespace PgCluster.Tests.Unit.Health;

public sealed class LivenessTests
{
    // One verdict a second: + healthy, - unhealthy, ? none. Below it what the node counts as: 1 online, 0 offline. Down after 3 s, up after 5 s.
    [Theory]
    [InlineData(true, "++++", "1111")]
    [InlineData(true, "---+-", "11111")]
    [InlineData(true, "----", "1110")]
    [InlineData(true, "--?----", "1111110")]
    [InlineData(true, "????????", "11111111")]
    [InlineData(true, "-----+++++-++++++", "11100000000000001")]
    [InlineData(false, "++++++", "000001")]
    [InlineData(false, "+++?++++++", "0000000001")]
    public void A_verdict_has_to_hold_before_it_counts(bool online, string verdicts, string counts)
    {
        var liveness = new Liveness(online);
        var seen = "";
        for (var second = 0; second < verdicts.Length; second++)
        {
            var verdict = verdicts[second] switch { '+' => HealthState.Healthy, '-' => HealthState.Unhealthy, _ => HealthState.Unknown };
            liveness = liveness.Next(verdict, TimeSpan.FromSeconds(second), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(5));
            seen += liveness.IsOnline ? '1' : '0';
        }

        Assert.Equal(counts, seen);
    }

    [Fact]
    public void Without_a_time_to_hold_it_counts_at_once() =>
        Assert.False(new Liveness(true).Next(HealthState.Unhealthy, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero).IsOnline);
}
