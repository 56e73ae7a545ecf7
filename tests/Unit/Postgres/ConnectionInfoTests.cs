using PgCluster.Adapters.Postgres;

namespace PgCluster.Tests.Unit.Postgres;

public sealed class ConnectionInfoTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("host=a port=1", "host=a port=1")]
    [InlineData(" host = 'a'  port='1' ", "host=a port=1")]
    [InlineData("""password='it\'s a \\ secret'""", """password='it\'s a \\ secret'""")]
    [InlineData("user=a\\ b", "user='a b'")]
    [InlineData("options=''", "options=''")]
    public void Reads_and_writes_libpqs_form(string text, string written) => Assert.Equal(written, ConnectionInfo.TryParse(text)!.ToString());

    [Theory]
    [InlineData("postgresql://a/b")]
    [InlineData("host")]
    [InlineData("host='open")]
    [InlineData("=a")]
    public void Anything_else_is_null(string text) => Assert.Null(ConnectionInfo.TryParse(text));

    [Fact]
    public void With_replaces_in_place_and_takes_away()
    {
        var info = ConnectionInfo.TryParse("host=a sslmode=verify-full hostaddr=1.2.3.4 host=b")!;
        Assert.Equal("b", info["host"]);
        Assert.Equal("host=c sslmode=verify-full", info.With("host", "c").With("hostaddr", "").ToString());
        Assert.Equal("host=a b=1", ConnectionInfo.Empty.With("host", "a").With("b", "1").ToString());
    }

    [Fact]
    public void Same_in_other_words_is_the_same()
    {
        var info = ConnectionInfo.TryParse("host=a port='5432'")!;
        Assert.True(info.SameAs(ConnectionInfo.TryParse("port=5432 host='a'")!));
        Assert.False(info.SameAs(ConnectionInfo.TryParse("port=5432 host=a sslmode=require")!));
        Assert.False(info.SameAs(ConnectionInfo.TryParse("port=5433 host=a")!));
    }
}
