using PgCluster.Adapters.Peers;

namespace PgCluster.Tests.Unit.Pacemaker;

public sealed class PgcmSecondsTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.2, 1)]
    [InlineData(1, 1)]
    [InlineData(4.001, 5)]
    [InlineData(25, 25)]
    [InlineData(1e11, int.MaxValue)]
    public void Pgcm_is_given_whole_seconds_and_never_less_than_was_asked_for(double seconds, int expected) => Assert.Equal(expected, PgcmMethods.Seconds(TimeSpan.FromSeconds(seconds)));
}
