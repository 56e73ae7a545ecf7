using PgCluster.Adapters.Postgres;

namespace PgCluster.Tests.Unit.Postgres;

public sealed class PasswordFileTests
{
    [Theory]
    [InlineData("pg01:5432:app:me:x", "x")]
    [InlineData("*:*:*:me:x", "x")]
    [InlineData("*:*:*:you:x|*:*:*:me:y", "y")]
    [InlineData("*:*:*:me:first|*:*:*:me:second", "first")]
    [InlineData("pg02:*:*:me:x", null)]
    [InlineData("*:5433:*:me:x", null)]
    [InlineData("*:*:replication:me:x", null)]
    [InlineData("#*:*:*:me:x", null)]
    [InlineData("*:*:me:x", null)]
    [InlineData("*:*:*:me:a:b", "a:b")]
    [InlineData(@"*:*:*:me:a\:b\\c", @"a:b\c")]
    [InlineData(@"*:*:*:m\e:x", "x")]
    [InlineData("", null)]
    public void The_first_line_that_fits_has_the_password(string lines, string? password) =>
        Assert.Equal(password, PasswordFile.Find(lines.Split('|'), "pg01", 5432, "app", "me"));
}
