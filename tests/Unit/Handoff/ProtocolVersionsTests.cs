using PgCluster.Handoff.Protocol;

namespace PgCluster.Tests.Unit.Handoff;

public sealed class ProtocolVersionsTests
{
    [Theory]
    [InlineData(0u, 1u, 0u, 1u, 1u)]
    [InlineData(0u, 0u, 0u, 1u, 0u)]
    [InlineData(0u, 1u, 0u, 0u, 0u)]
    [InlineData(0u, 1u, 1u, 7u, 1u)]
    [InlineData(2u, 9u, 0u, 5u, 5u)]
    [InlineData(0u, 1u, 2u, 3u, null)]
    [InlineData(2u, 3u, 0u, 1u, null)]
    public void The_highest_that_both_know_is_spoken(uint lowest, uint highest, uint otherLowest, uint otherHighest, uint? expected)
    {
        var (one, other) = (new ProtocolVersions(lowest, highest), new ProtocolVersions(otherLowest, otherHighest));

        Assert.Equal(expected, ProtocolVersions.Agree(one, other));
        Assert.Equal(expected, ProtocolVersions.Agree(other, one));
    }

    [Fact]
    public void The_first_version_is_still_spoken() => Assert.Equal(0u, ProtocolVersions.Supported.Lowest);
}
