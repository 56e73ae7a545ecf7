using PgCluster.Adapters.Postgres;

namespace PgCluster.Tests.Unit.Postgres;

public sealed class ListenAddressesTests
{
    [Theory]
    [InlineData("*", "10.0.0.1", "10.0.0.2", null)]
    [InlineData("localhost, 0.0.0.0", "10.0.0.1", "10.0.0.2", null)]
    [InlineData("127.0.0.1", "127.0.0.1", "127.0.0.1", null)]
    [InlineData("10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2")]
    [InlineData("localhost,10.0.0.1", "10.0.0.1", "10.0.0.2", "localhost, 10.0.0.2")]
    [InlineData("localhost,192.168.0.1", "pg01.example.com", "pg02.example.com", "localhost, pg02.example.com")]
    [InlineData("127.0.0.1", "localhost", "127.0.0.1", "127.0.0.1")]
    public void A_copy_listens_where_it_is_reached_and_not_where_its_source_is(string source, string sourceHost, string ownHost, string? expected) =>
        Assert.Equal(expected, ListenAddresses.ForCopy(source, sourceHost, ownHost));
}
