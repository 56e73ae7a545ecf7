using PgCluster.Adapters.PgBouncer;

namespace PgCluster.Tests.Unit.Pooling;

/// <summary>The example of RFC 7677, section 3, and what a hostile server may try.</summary>
public sealed class ScramExchangeTests
{
    private const string Nonce = "rOprNGfwEbeRWgbNEkqO";
    private const string ServerFirst = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    [Fact]
    public void Example_of_the_rfc()
    {
        var exchange = new ScramExchange("pencil", Nonce, "user");

        Assert.Equal("n,,n=user,r=rOprNGfwEbeRWgbNEkqO", exchange.ClientFirst());
        Assert.Equal(
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            exchange.ClientFinal(ServerFirst));
        Assert.True(exchange.IsServerGenuine("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        Assert.False(exchange.IsServerGenuine("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }

    [Theory]
    [InlineData("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")]
    [InlineData("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")]
    [InlineData("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2000000000")]
    [InlineData("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0")]
    [InlineData("r=rOprNGfwEbeRWgbNEkqOx,i=4096")]
    public void Wrong_first_message_is_refused(string serverFirst) =>
        Assert.Throws<FormatException>(() => new ScramExchange("pencil", Nonce).ClientFinal(serverFirst));

    [Fact]
    public void Server_cannot_be_genuine_before_it_was_asked() =>
        Assert.False(new ScramExchange("pencil", Nonce).IsServerGenuine("v="));
}
