namespace PgCluster.Tests.Unit.Model;

public sealed class LsnTests
{
    [Theory]
    [InlineData("0/0", 0UL)]
    [InlineData("0/3000028", 0x3000028UL)]
    [InlineData("16/B374D848", 0x16B374D848UL)]
    [InlineData("FFFFFFFF/FFFFFFFF", ulong.MaxValue)]
    public void Reads_and_writes_what_PostgreSQL_does(string text, ulong value)
    {
        Assert.Equal(new Lsn(value), Lsn.Parse(text));
        Assert.Equal(text, new Lsn(value).ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("0")]
    [InlineData("/")]
    [InlineData("0/")]
    [InlineData("0/G")]
    [InlineData("0/123456789")]
    [InlineData("-1/0")]
    [InlineData("0/ 1")]
    public void Refuses_anything_else(string? text) => Assert.False(Lsn.TryParse(text, out _));

    [Fact]
    public void Knows_how_far_behind_it_is()
    {
        Assert.Equal(8, new Lsn(92).BytesBehind(new Lsn(100)));
        Assert.Equal(0, new Lsn(100).BytesBehind(new Lsn(92)));
        Assert.True(new Lsn(92) < new Lsn(100));
    }
}
