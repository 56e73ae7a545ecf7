using System.Text;
using FsCheck;
using FsCheck.Fluent;
using PgCluster.Handoff;
using PgCluster.Handoff.Protocol;

namespace PgCluster.Tests.Unit.Handoff;

public sealed class FrameTests
{
    public static TheoryData<string, object> Messages => new()
    {
        { """{"type":"hello","id":"b","lowest":0,"highest":1,"applicationVersion":"2.0"}""", new HandoffMessage.Hello("b", 0, 1, "2.0") },
        { """{"type":"hello","id":"b","lowest":0,"highest":0}""", new HandoffMessage.Hello("b", 0, 0) },
        {
            """{"type":"welcome","id":"a","version":1,"descriptors":[{"id":"api","kind":"listener","address":"127.0.0.1:1"},{"id":"log","kind":"file","address":""}]}""",
            new HandoffMessage.Welcome("a", 1, [new("api", DescriptorKind.Listener, "127.0.0.1:1"), new("log", DescriptorKind.File, "")])
        },
        { """{"type":"state","version":3,"content":"AQI="}""", new HandoffMessage.State(3, [1, 2]) },
        { """{"type":"state"}""", new HandoffMessage.State() },
        { """{"type":"accepted"}""", new HandoffMessage.Accepted() },
        { """{"type":"descriptor","id":"api"}""", new HandoffMessage.Descriptor("api") },
        { """{"type":"ready"}""", new HandoffMessage.Ready() },
        { """{"type":"stepping-down"}""", new HandoffMessage.SteppingDown() },
        { """{"type":"refused","code":"not-now","reason":"busy"}""", new HandoffMessage.Refused(RefusalCode.NotNow, "busy") },
    };

    [Theory]
    [MemberData(nameof(Messages))]
    public void Every_message_has_one_form(string json, object message)
    {
        var frame = Frame.Encode((HandoffMessage)message);

        Assert.Equal(json, Encoding.UTF8.GetString(frame.AsSpan(Frame.HeaderBytes)));
        Assert.Equal(frame.Length - Frame.HeaderBytes, Frame.ReadLength(frame));
        Assert.Equivalent(message, Frame.Decode(frame.AsSpan(Frame.HeaderBytes)), strict: true);
    }

    [Fact]
    public void Every_message_is_tested() =>
        Assert.Equal(
            typeof(HandoffMessage).GetNestedTypes(System.Reflection.BindingFlags.NonPublic).Length,
            Messages.Select(row => row.Data.Item2.GetType()).Distinct().Count());

    [Fact]
    public void What_a_later_version_adds_is_not_read() =>
        Assert.Equal(new HandoffMessage.Descriptor("api"), Frame.Decode("""{"colour":"red","id":"api","type":"descriptor"}"""u8));

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"type":"surprise"}""")]
    [InlineData("""{"type":"descriptor"}""")]
    [InlineData("""{"type":"descriptor","id":null}""")]
    [InlineData("""{"type":"welcome","id":"a","version":1}""")]
    [InlineData("""{"type":"hello","id":"a","lowest":-1,"highest":1}""")]
    [InlineData("{\"type\":\"ready\"")]
    public void What_is_no_message_is_an_error(string json) =>
        Assert.Equal(HandoffError.Protocol, Assert.Throws<HandoffException>(() => Frame.Decode(Encoding.UTF8.GetBytes(json))).Error);

    [Theory]
    [InlineData(0u)]
    [InlineData(Frame.LongestMessage + 1u)]
    [InlineData(uint.MaxValue)]
    public void A_length_that_no_message_has_is_an_error(uint length)
    {
        byte[] header = [(byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length];

        Assert.Equal(HandoffError.Protocol, Assert.Throws<HandoffException>(() => Frame.ReadLength(header)).Error);
    }

    [Fact]
    public void The_largest_state_fits() =>
        Assert.InRange(Frame.Encode(new HandoffMessage.State(int.MaxValue, new byte[StateSnapshot.MaxBytes])).Length, 1, Frame.LongestMessage + Frame.HeaderBytes);

    [Fact]
    public void TR_15_versions_0_to_9999_have_forms_of_their_own_and_read_back()
    {
        var forms = Enumerable.Range(0, 10000).Select(version => Frame.Encode(new HandoffMessage.Hello("b", 0, (uint)version))).ToArray();

        Assert.Equal(10000, forms.Select(Convert.ToBase64String).Distinct().Count());
        Assert.All(forms, (form, version) => Assert.Equal((uint)version, Read(form).Highest));
    }

    [Fact]
    public void TR_15_any_version_reads_back() =>
        Prop.ForAll<uint, uint>((lowest, highest) =>
        {
            var read = Read(Frame.Encode(new HandoffMessage.Hello("b", lowest, highest)));
            return read.Lowest == lowest && read.Highest == highest;
        }).QuickCheckThrowOnFailure();

    static HandoffMessage.Hello Read(byte[] frame) => (HandoffMessage.Hello)Frame.Decode(frame.AsSpan(Frame.HeaderBytes));
}
