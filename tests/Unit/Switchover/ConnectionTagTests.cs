using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class ConnectionTagTests
{
    [Fact]
    public void SW_1_the_tag_has_the_form_of_the_specification()
    {
        var tag = new ConnectionTag { Version = "v0.31.0", Type = 'A', Id = Guid.Empty };

        Assert.Equal("GoAlert v0.31.0 SWO:A:AAAAAAAAAAAAAAAAAAAAAA", tag.Format("GoAlert"));
        Assert.Equal(
            "GoAlert v0.31.0 SWO:A:EREREREREREREREREREREQ", (tag with { Id = Guid.Parse("11111111-1111-1111-1111-111111111111") }).Format("GoAlert"));
        Assert.Contains(
            "invalid connection type", Assert.Throws<PgClusterException>(() => (tag with { Type = '0' }).Format()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData('A', false)]
    [InlineData('B', false)]
    [InlineData('C', true)]
    [InlineData('D', true)]
    public void SW_1_a_tag_is_read_back(char type, bool isNext)
    {
        var tag = new ConnectionTag { Version = "1.0.0", Type = type, Id = Guid.Parse("01234567-89ab-cdef-0123-456789abcdef") };

        Assert.Equal(tag, ConnectionTag.Parse(tag.Format()));
        Assert.Equal(isNext, ConnectionTag.IsNext(type));
    }

    [Theory]
    [InlineData("GoAlert", 24)]
    [InlineData("PgCluster", 22)]
    [InlineData("ABCDEFGHIJKLMNOPQRST", 11)]
    public void SW_1_the_version_is_cut_so_that_the_server_cuts_nothing(string product, int length)
    {
        var name = new ConnectionTag { Version = new string('9', 40), Type = 'D', Id = Guid.NewGuid() }.Format(product);

        Assert.True(name.Length <= 61, name);
        Assert.Equal(length, ConnectionTag.Parse(name, product).Version.Length);
    }

    [Theory]
    [InlineData("", "missing 'PgCluster' prefix")]
    [InlineData("GoAlert v1 SWO:A:AAAAAAAAAAAAAAAAAAAAAA", "missing 'PgCluster' prefix")]
    [InlineData("PgClusterv1 SWO:A:AAAAAAAAAAAAAAAAAAAAAA", "missing 'PgCluster' prefix")]
    [InlineData("PgCluster v1", "incorrect number of segments")]
    [InlineData("PgCluster v1 SWO:A", "incorrect number of segments")]
    [InlineData("PgCluster v1 x SWO:A:AAAAAAAAAAAAAAAAAAAAAA", "incorrect number of segments")]
    [InlineData("PgCluster  SWO:A:AAAAAAAAAAAAAAAAAAAAAA", "incorrect number of segments")]
    [InlineData("PgCluster v1 SWX:A:AAAAAAAAAAAAAAAAAAAAAA", "missing 'SWO' suffix")]
    [InlineData("PgCluster v1 SWO:E:AAAAAAAAAAAAAAAAAAAAAA", "invalid connection type: E")]
    [InlineData("PgCluster v1 SWO::AAAAAAAAAAAAAAAAAAAAAA", "invalid connection type: ")]
    [InlineData("PgCluster v1 SWO:AB:AAAAAAAAAAAAAAAAAAAAAA", "invalid connection type: AB")]
    [InlineData("PgCluster v1 SWO:A:AAAA", "invalid ID")]
    [InlineData("PgCluster v1 SWO:A:", "invalid ID")]
    [InlineData("PgCluster v1 SWO:A:AAAAAAAAAAAAAAAAAAAA!!", "invalid ID")]
    public void SW_1_what_is_no_tag_is_said(string name, string expected)
    {
        Assert.Null(ConnectionTag.TryParse(name, ConnectionTag.DefaultProduct, out var error));
        Assert.StartsWith(expected, error, StringComparison.Ordinal);
        Assert.Equal(Reason.InvalidArgument, Assert.Throws<PgClusterException>(() => ConnectionTag.Parse(name)).Reason);
    }

    [Theory]
    [InlineData("", "1.0")]
    [InlineData("two words", "1.0")]
    [InlineData("ABCDEFGHIJKLMNOPQRSTU", "1.0")]
    [InlineData("PgCluster", "")]
    [InlineData("PgCluster", "1.0 beta")]
    [InlineData("PgCluster", "1.0\u00e9")]
    public void What_could_not_be_read_back_is_refused(string product, string version) =>
        Assert.Throws<PgClusterException>(() => new ConnectionTag { Version = version, Type = 'A', Id = Guid.Empty }.Format(product));
}
