using PgCluster.Engine.Switchover;
using static PgCluster.Tests.Unit.Switchover.Messages;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class SwitchoverMessageTextTests
{
    [Theory]
    [InlineData(SwitchoverMessageType.Hello, "hello")]
    [InlineData(SwitchoverMessageType.ResetEnd, "reset-end")]
    [InlineData(SwitchoverMessageType.Cancel, "cancel")]
    public void A_message_survives_the_log(SwitchoverMessageType type, string name)
    {
        var at = new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);
        var message = Message(type, Id(7), Leader) with { Position = 12, At = at };

        var json = SwitchoverMessageText.Write(message);

        Assert.Contains($"\"type\":\"{name}\"", json, StringComparison.Ordinal);
        Assert.Equal(message, SwitchoverMessageText.Read(12, at, json));
        Assert.Equal(
            new SwitchoverLogEntry { Id = 12, At = at, Node = Leader, Type = name, AckId = Id(7), Data = message.Data! }, message.ToEntry());
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("3")]
    [InlineData("{}")]
    [InlineData("""{"id": 3, "node": "x", "type": "reset", "ack_id": null}""")]
    [InlineData("""{"id":"00000000-0000-0000-0000-000000000001","node":"00000000-0000-0000-0000-000000000001","type":"dance","ack_id":"00000000-0000-0000-0000-000000000000"}""")]
    public void What_is_no_message_is_invalid_and_cancels(string json)
    {
        var message = SwitchoverMessageText.Read(3, default, json);

        Assert.Equal(SwitchoverMessageType.Invalid, message.Type);
        Assert.Equal(3, message.Position);
        Assert.Equal("invalid", message.ToEntry().Type);
        Assert.Equal(SwitchoverState.Unknown, SwitchoverStateMachine.Apply(ViewIn(SwitchoverState.Pausing), message, Other).View.State);
    }
}
