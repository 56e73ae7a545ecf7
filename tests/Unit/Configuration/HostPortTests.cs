using PgCluster.Engine.Configuration;

namespace PgCluster.Tests.Unit.Configuration;

public sealed class HostPortTests
{
    [Theory]
    [InlineData("pg01:5432", "pg01", 5432)]
    [InlineData("pg_01.example.com:1", "pg_01.example.com", 1)]
    [InlineData("10.0.0.1:65535", "10.0.0.1", 65535)]
    [InlineData("[::1]:8432", "::1", 8432)]
    public void Reads_and_writes_host_and_port(string text, string host, int port)
    {
        var address = HostPort.Parse(text);

        Assert.Equal(new(host, port), address);
        Assert.Equal(text, address.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("pg01")]
    [InlineData(":5432")]
    [InlineData("pg01:")]
    [InlineData("pg01:0")]
    [InlineData("pg01:65536")]
    [InlineData("pg01:-1")]
    [InlineData("pg01:+1")]
    [InlineData("pg01:http")]
    [InlineData("pg01:99999999999")]
    [InlineData("http://pg01:80")]
    [InlineData("10.0.0.256:80")]
    [InlineData("10.0.1:80")]
    [InlineData("::1:80")]
    [InlineData("[::1]")]
    [InlineData("[pg01]:80")]
    [InlineData("[[::1]]:80")]
    [InlineData("pg 01:80")]
    [InlineData("-pg:80")]
    [InlineData("pg..01:80")]
    public void Refuses_the_rest(string text)
    {
        Assert.Null(HostPort.TryParse(text));
        Assert.Equal(Reason.InvalidConfiguration, Assert.Throws<PgClusterException>(() => HostPort.Parse(text)).Reason);
    }

    [Theory]
    [InlineData("pg01", true)]
    [InlineData("fe80::1", true)]
    [InlineData("[fe80::1]", false)]
    [InlineData("pg01:5432", false)]
    [InlineData("1.2.3.4.5", false)]
    [InlineData("", false)]
    public void Knows_a_host(string text, bool expected) => Assert.Equal(expected, HostPort.IsHost(text));
}
