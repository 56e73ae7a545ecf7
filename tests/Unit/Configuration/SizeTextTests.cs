using PgCluster.Engine.Configuration;

namespace PgCluster.Tests.Unit.Configuration;

public sealed class SizeTextTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1048576", 1L << 20)]
    [InlineData("17B", 17)]
    [InlineData("16KiB", 16L << 10)]
    [InlineData("16MiB", 16L << 20)]
    [InlineData("3 GiB", 3L << 30)]
    [InlineData("1TiB", 1L << 40)]
    [InlineData("9223372036854775807", long.MaxValue)]
    public void Reads_bytes_and_binary_units(string text, long bytes) => Assert.Equal(bytes, SizeText.TryParse(text));

    [Theory]
    [InlineData("")]
    [InlineData("MiB")]
    [InlineData("16MB")]
    [InlineData("16mib")]
    [InlineData("1.5MiB")]
    [InlineData("-1")]
    [InlineData("16 M")]
    [InlineData("8388608TiB")]
    [InlineData("9223372036854775808")]
    public void Refuses_the_rest(string text) => Assert.Null(SizeText.TryParse(text));

    [Theory]
    [InlineData(0, "0B")]
    [InlineData(1000, "1000B")]
    [InlineData(1024, "1KiB")]
    [InlineData(16L << 20, "16MiB")]
    [InlineData((1L << 30) + 1, "1073741825B")]
    [InlineData(2L << 40, "2TiB")]
    public void Writes_the_largest_exact_unit(long bytes, string text)
    {
        Assert.Equal(text, SizeText.Format(bytes));
        Assert.Equal(bytes, SizeText.TryParse(text));
    }
}
