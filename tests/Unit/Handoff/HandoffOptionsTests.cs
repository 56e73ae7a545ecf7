using PgCluster.Handoff;
using PgCluster.Handoff.Linux;

namespace PgCluster.Tests.Unit.Handoff;

public sealed class HandoffOptionsTests
{
    [Theory]
    [InlineData("1")]
    [InlineData("4711")]
    [InlineData("3f2c.pg-01_b")]
    public void An_id_is_a_part_of_a_name(string id) => new HandoffOptions { Directory = "/run/x", Id = id }.Validate();

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../up")]
    [InlineData("a/b")]
    [InlineData("a\0b")]
    [InlineData("-a")]
    [InlineData("ä")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123456789")]
    public void An_id_that_leads_elsewhere_is_refused(string id) =>
        Assert.ThrowsAny<ArgumentException>(() => new HandoffOptions { Directory = "/run/x", Id = id }.Validate());

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(86401)]
    public void A_timeout_that_cannot_be_is_named(int seconds)
    {
        var error = Assert.Throws<ArgumentException>(() => new HandoffOptions { Directory = "/run/x", Id = "a", UpgradeTimeout = TimeSpan.FromSeconds(seconds) }.Validate());

        Assert.Contains("UpgradeTimeout", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_owner_waits_a_minute_unless_told_otherwise() =>
        Assert.Equal(TimeSpan.FromMinutes(1), new HandoffOptions { Directory = "/run/x", Id = "a" }.UpgradeTimeout);

    [Theory]
    [InlineData(1000u, 1000u, true)]
    [InlineData(1000u, 0u, true)]
    [InlineData(0u, 0u, true)]
    [InlineData(0u, 1000u, false)]
    [InlineData(1000u, 1001u, false)]
    public void Only_the_same_user_and_root_are_trusted(uint own, uint peer, bool trusted) =>
        Assert.Equal(trusted, new PeerCredentials(1, peer).IsTrustedBy(own));
}
