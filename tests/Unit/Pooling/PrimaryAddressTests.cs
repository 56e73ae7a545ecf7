using PgCluster.Engine.Topology;

namespace PgCluster.Tests.Unit.Pooling;

public sealed class PrimaryAddressTests
{
    [Theory]
    [InlineData("10.0.0.1", "10.0.0.1", 5432, "10.0.0.1")]
    [InlineData("10.0.0.1:5432", "10.0.0.1", 5432, "10.0.0.1")]
    [InlineData("10.0.0.1:6000", "10.0.0.1", 6000, "10.0.0.1:6000")]
    [InlineData("db.prod", "db.prod", 5432, "db.prod")]
    [InlineData("db_1-x.prod:1", "db_1-x.prod", 1, "db_1-x.prod:1")]
    [InlineData("::1", "::1", 5432, "::1")]
    [InlineData("[::1]", "::1", 5432, "::1")]
    [InlineData("[fd00::a]:6000", "fd00::a", 6000, "[fd00::a]:6000")]
    [InlineData("[fe80::1%eth0]:65535", "fe80::1%eth0", 65535, "[fe80::1%eth0]:65535")]
    public void Reads_and_writes_the_published_form(string text, string host, int port, string canonical)
    {
        var address = PrimaryAddress.Parse(text);

        Assert.Equal(new PrimaryAddress(host, port), address);
        Assert.Equal(canonical, address.ToString());
        Assert.Equal(address, PrimaryAddress.Parse(address.ToString()));
        Assert.Equal(address, PrimaryAddress.Parse(address.ToHostAndPort()));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("a b")]
    [InlineData("host:")]
    [InlineData(":5432")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("host:+1")]
    [InlineData("host: 1")]
    [InlineData("host:x")]
    [InlineData("[::1")]
    [InlineData("[::1]x")]
    [InlineData("[::1]:")]
    [InlineData("[]:5432")]
    [InlineData("[host]:5432")]
    [InlineData("host\n[pgbouncer]")]
    [InlineData("a,b")]
    [InlineData("/tmp")]
    public void Refuses_anything_else(string? text)
    {
        Assert.False(PrimaryAddress.TryParse(text, out _));
        Assert.Throws<FormatException>(() => PrimaryAddress.Parse(text!));
    }
}
