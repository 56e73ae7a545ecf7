using Npgsql;
using PgCluster.Adapters.Postgres;

namespace PgCluster.Tests.Unit.Postgres;

public sealed class LibpqUriTests
{
    [Theory]
    [InlineData("postgresql://", "localhost", 5432, null, null)]
    [InlineData("postgres://db", "db", 5432, null, null)]
    [InlineData("postgresql://app@db:6432/shop", "db", 6432, "app", "shop")]
    [InlineData("postgresql://app:s3cret@db/shop", "db", 5432, "app", "shop")]
    [InlineData("postgresql://a%40b:x%3Ay@db:1/s%2Fp", "db", 1, "a@b", "s/p")]
    [InlineData("postgresql://[::1]:6432/shop", "::1", 6432, null, "shop")]
    [InlineData("postgresql://[::1]/shop", "::1", 5432, null, "shop")]
    [InlineData("postgresql:///shop?host=%2Frun%2Fpg&port=6000&user=app", "/run/pg", 6000, "app", "shop")]
    [InlineData("postgresql://%2Frun%2Fpg/shop", "/run/pg", 5432, null, "shop")]
    public void Parts_are_read(string text, string host, int port, string? user, string? database)
    {
        var uri = LibpqUri.Parse(text);

        Assert.Equal((host, port, user, database), (uri.Host, uri.Port, uri.User, uri.Database));
    }

    [Fact]
    public void Parameters_are_read()
    {
        var uri = LibpqUri.Parse("postgresql://app@db/shop?sslmode=verify-full&sslrootcert=%2Fca.pem&sslcert=c.pem&sslkey=k.pem&application_name=till%201&connect_timeout=7&password=p%26q");

        var settings = uri.ToConnectionString();
        Assert.Equal((SslMode.VerifyFull, "/ca.pem", "c.pem", "k.pem", "p&q"), (settings.SslMode, settings.RootCertificate, settings.SslCertificate, settings.SslKey, settings.Password));
        Assert.Equal(("till 1", TimeSpan.FromSeconds(7)), (uri.ApplicationName, uri.ConnectTimeout));
    }

    [Theory]
    [InlineData("mysql://db", "postgresql://")]
    [InlineData("Host=db;Password=hidden", "postgresql://")]
    [InlineData("postgresql://app:hidden@db:port/shop", "port")]
    [InlineData("postgresql://app:hidden@db:0/shop", "port")]
    [InlineData("postgresql://app:hidden@db:65536/shop", "port")]
    [InlineData("postgresql://app:hidden@a,b/shop", "several hosts")]
    [InlineData("postgresql://app:hid@den@db/shop", "%40")]
    [InlineData("postgresql://app:hidden%@db/shop", "'%'")]
    [InlineData("postgresql://app:hidden%4@db/shop", "'%'")]
    [InlineData("postgresql://app:hidden@[::1/shop", "']'")]
    [InlineData("postgresql://app:hidden@[::1]x/shop", "']'")]
    [InlineData("postgresql://app:hidden@db/shop/more", "%2F")]
    [InlineData("postgresql://app:hidden@db/shop#x", "%23")]
    [InlineData("postgresql://app:hidden@db/shop?sslmode", "name=value")]
    [InlineData("postgresql://app:hidden@db/shop?sslmode=maybe", "sslmode")]
    [InlineData("postgresql://app:hidden@db/shop?sslmode=prefer&sslmode=allow", "twice")]
    [InlineData("postgresql://app:hidden@db/shop?target_session_attrs=read-write", "target_session_attrs")]
    [InlineData("postgresql://app:hidden@db/shop?connect_timeout=soon", "connect_timeout")]
    [InlineData("postgresql://app:hidden@db/shop?sslcert=c.pem", "sslkey")]
    public void What_cannot_be_honoured_is_an_error_that_names_it_and_no_secret(string text, string named)
    {
        var error = Assert.Throws<PgClusterException>(() => LibpqUri.Parse(text));

        Assert.Equal(Reason.InvalidArgument, error.Reason);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hid", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("postgresql://app:hidden@db:6432/shop", "db:6432/shop")]
    [InlineData("postgresql://app@db:6432?password=hidden", "db:6432/app")]
    public void Text_form_is_where_it_leads(string text, string expected) => Assert.Equal(expected, LibpqUri.Parse(text).ToString());
}
