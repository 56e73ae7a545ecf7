using FsCheck;
using FsCheck.Fluent;
using PgCluster.Engine.Configuration;

namespace PgCluster.Tests.Unit.Configuration;

public sealed class DurationTextTests
{
    [Theory]
    [InlineData("500ms", 5_000_000)]
    [InlineData("5s", 50_000_000)]
    [InlineData("1m30s", 900_000_000)]
    [InlineData("1.5h", 54_000_000_000)]
    [InlineData("1h2m3s4ms5us", 37_230_040_050)]
    [InlineData("2us", 20)]
    [InlineData("2\u00B5s", 20)]
    [InlineData("2\u03BCs", 20)]
    [InlineData("300ns", 3)]
    [InlineData(".5s", 5_000_000)]
    [InlineData("+1s", 10_000_000)]
    [InlineData("-1m30s", -900_000_000)]
    [InlineData("0", 0)]
    [InlineData("0s", 0)]
    public void Reads_what_Go_reads(string text, long ticks) => Assert.Equal(TimeSpan.FromTicks(ticks), DurationText.TryParse(text));

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData(".s")]
    [InlineData("1.2.3s")]
    [InlineData("5 s")]
    [InlineData(" 5s")]
    [InlineData("5s ")]
    [InlineData("5S")]
    [InlineData("5sec")]
    [InlineData("1d")]
    [InlineData("1e3s")]
    [InlineData("1,5s")]
    [InlineData("--5s")]
    [InlineData("5s-3s")]
    [InlineData("50ns")]
    [InlineData("99999999999h")]
    [InlineData("99999999999999999999999999999999s")]
    public void Refuses_the_rest(string text) => Assert.Null(DurationText.TryParse(text));

    [Theory]
    [InlineData("0s")]
    [InlineData("500ms")]
    [InlineData("1.5ms")]
    [InlineData("2us")]
    [InlineData("0.1us")]
    [InlineData("5s")]
    [InlineData("1.5s")]
    [InlineData("1m")]
    [InlineData("1m30s")]
    [InlineData("2h")]
    [InlineData("1h0.25s")]
    [InlineData("24h")]
    [InlineData("-5s")]
    public void Writes_the_shortest_text(string text) => Assert.Equal(text, DurationText.Format(DurationText.TryParse(text)!.Value));

    [Fact]
    public void Every_duration_reads_back_as_it_was() =>
        Prop.ForAll<int, byte>((number, scale) =>
        {
            var duration = TimeSpan.FromTicks(number * (long)Math.Pow(10, scale % 9));
            return DurationText.TryParse(DurationText.Format(duration)) == duration;
        }).QuickCheckThrowOnFailure();
}
