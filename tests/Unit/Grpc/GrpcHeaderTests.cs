using System.Text;
using FsCheck;
using FsCheck.Fluent;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Tests.Unit.Grpc;

public sealed class GrpcHeaderTests
{
    [Fact]
    public void Any_message_survives_its_encoding_and_travels_as_printable_ASCII() =>
        Prop.ForAll<NonNull<string>>(given =>
        {
            // Half a surrogate pair has no UTF-8; it becomes the replacement character before anything else happens.
            string text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(given.Get));
            string encoded = GrpcMessageText.Encode(text);
            return GrpcMessageText.Decode(encoded) == text && encoded.All(c => c is >= ' ' and <= '~');
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("plain text", "plain text")]
    [InlineData("100%", "100%25")]
    [InlineData("a\nb", "a%0Ab")]
    [InlineData("ü", "%C3%BC")]
    [InlineData("😀", "%F0%9F%98%80")]
    public void A_message_is_encoded_as_the_protocol_says(string text, string encoded) =>
        Assert.Equal(encoded, GrpcMessageText.Encode(text));

    [Theory]
    [InlineData("100%", "100%")]
    [InlineData("%zz", "%zz")]
    [InlineData("%4", "%4")]
    [InlineData("%c3%bc", "ü")]
    [InlineData("%FF", "\uFFFD")]
    [InlineData("\u00C3\u00BC", "ü")]
    [InlineData("日", "日")]
    public void A_message_that_is_badly_encoded_is_read_as_well_as_it_can_be(string value, string text) =>
        Assert.Equal(text, GrpcMessageText.Decode(value));

    [Fact]
    public void A_timeout_is_never_shortened_and_never_longer_than_its_unit_allows() =>
        Prop.ForAll<long>(given =>
        {
            var timeout = TimeSpan.FromTicks(Math.Abs(given % TimeSpan.TicksPerDay) + 1);
            string text = GrpcTimeout.Format(timeout);
            return text.Length <= 9
                && GrpcTimeout.TryParse(text, out TimeSpan parsed)
                && parsed >= timeout
                && (parsed - timeout).TotalSeconds <= Math.Max(1e-6, timeout.TotalSeconds / 1e4);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(1, "1u")]
    [InlineData(10, "1u")]
    [InlineData(11, "2u")]
    [InlineData(2_500_000, "250000u")]
    [InlineData(999_999_990, "99999999u")]
    [InlineData(999_999_991, "100000m")]
    [InlineData(50_000_000_000_000, "5000000S")]
    [InlineData(36_000_000_000_000_000, "60000000M")]
    [InlineData(3_600_000_000_000_000_000, "99999999H")]
    [InlineData(long.MaxValue, "99999999H")]
    public void A_timeout_takes_the_finest_unit_that_holds_it(long ticks, string expected) =>
        Assert.Equal(expected, GrpcTimeout.Format(TimeSpan.FromTicks(ticks)));

    [Theory]
    [InlineData("1H", 36_000_000_000)]
    [InlineData("2M", 1_200_000_000)]
    [InlineData("3S", 30_000_000)]
    [InlineData("4m", 40_000)]
    [InlineData("5u", 50)]
    [InlineData("101n", 2)]
    [InlineData("0S", 0)]
    [InlineData("99999999H", 3_599_999_964_000_000_000)]
    public void A_timeout_is_read_in_every_unit(string text, long ticks)
    {
        Assert.True(GrpcTimeout.TryParse(text, out TimeSpan timeout));
        Assert.Equal(ticks, timeout.Ticks);
    }

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("1s")]
    [InlineData("-1S")]
    [InlineData("+1S")]
    [InlineData(" 1S")]
    [InlineData("1.5S")]
    [InlineData("123456789S")]
    public void What_is_no_timeout_is_refused(string text) => Assert.False(GrpcTimeout.TryParse(text, out _));

    [Theory]
    [InlineData("application/grpc", true)]
    [InlineData("application/grpc+proto", true)]
    [InlineData("application/grpc; charset=utf-8", true)]
    [InlineData("application/grpc-web", false)]
    [InlineData("application/json", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void A_content_type_is_gRPC_or_not(string? contentType, bool expected) =>
        Assert.Equal(expected, GrpcMetadata.IsGrpc(contentType));

    [Theory]
    [InlineData("Upper", "x")]
    [InlineData("grpc-status", "0")]
    [InlineData("", "x")]
    [InlineData("with space", "x")]
    [InlineData("ok", "line\r\nx-injected: 1")]
    [InlineData("ok", "ü")]
    public void Metadata_that_would_break_the_request_is_refused_without_repeating_its_value(string key, string value)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => GrpcMetadata.Check(new(key, value)));

        Assert.True(value.Length < 2 || !error.Message.Contains(value, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("grpc-status-details-bin", "AAE=", true)]
    [InlineData("pgcluster-reason", "LockHeld", true)]
    [InlineData("grpc-message", "x", false)]
    [InlineData("x-note", "a\nb", false)]
    public void Only_metadata_and_status_details_may_trail(string key, string value, bool expected) =>
        Assert.Equal(expected, GrpcMetadata.MayTrail(new(key, value)));
}
