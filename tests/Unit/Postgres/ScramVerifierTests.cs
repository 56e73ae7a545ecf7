using PgCluster.Adapters.Postgres;

namespace PgCluster.Tests.Unit.Postgres;

public sealed class ScramVerifierTests
{
    /// <summary>Password and salt of RFC 7677's example; the keys are what PostgreSQL makes of them.</summary>
    [Fact]
    public void It_is_what_the_server_would_keep() => Assert.Equal(
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        ScramVerifier.Of("pencil", Convert.FromBase64String("W22ZaJ0SNY7soEsUEjb6gQ==")));

    [Fact]
    public void Each_has_a_salt_of_its_own() => Assert.NotEqual(ScramVerifier.Of("pencil"), ScramVerifier.Of("pencil"));
}
