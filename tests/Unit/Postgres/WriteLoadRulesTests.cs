using PgCluster.Adapters.Postgres;

namespace PgCluster.Tests.Unit.Postgres;

public sealed class WriteLoadRulesTests
{
    private static readonly WriteGapOptions Good = new() { Uri = "postgresql://app:hidden@db/shop" };

    public static TheoryData<string, WriteGapOptions> Refused => new()
    {
        { "Writers", Good with { Writers = 0 } },
        { "Writers", Good with { Writers = 1001 } },
        { "PauseBetweenCommits", Good with { PauseBetweenCommits = TimeSpan.FromTicks(-1) } },
        { "PauseBetweenCommits", Good with { PauseBetweenCommits = TimeSpan.FromSeconds(61) } },
        { "StatementTimeout", Good with { StatementTimeout = TimeSpan.Zero } },
        { "StatementTimeout", Good with { StatementTimeout = TimeSpan.FromMilliseconds(1500) } },
        { "ConnectTimeout", Good with { ConnectTimeout = TimeSpan.FromSeconds(601) } },
        { "DrainTimeout", Good with { DrainTimeout = TimeSpan.Zero } },
        { "VerifyTimeout", Good with { VerifyTimeout = TimeSpan.FromHours(2) } },
        { "Schema", Good with { Schema = "" } },
    };

    [Fact]
    public void Defaults_are_accepted() => WriteLoadRules.Check(Good);

    [Theory]
    [MemberData(nameof(Refused))]
    public void Option_outside_its_range_is_refused_by_name(string option, WriteGapOptions options)
    {
        var error = Assert.Throws<PgClusterException>(() => WriteLoadRules.Check(options));

        Assert.Equal(Reason.InvalidArgument, error.Reason);
        Assert.Contains(option, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_form_of_options_holds_no_secret()
    {
        Assert.DoesNotContain("hidden", Good.ToString(), StringComparison.Ordinal);
        Assert.Contains("Writers = 16", Good.ToString(), StringComparison.Ordinal);
    }
}
