using PgCluster.Handoff;

namespace PgCluster.Tests.Unit.Handoff;

/// <summary>Table A8, every state with every event.</summary>
public sealed class HandoffStateMachineTests
{
    const string Nothing = "nothing";

    [Theory]
    [InlineData(HandoffState.CheckingOwner, HandoffEvent.Request, Nothing)]
    [InlineData(HandoffState.CheckingOwner, HandoffEvent.Ready, "Owner")]
    [InlineData(HandoffState.CheckingOwner, HandoffEvent.TransferSucceeded, Nothing)]
    [InlineData(HandoffState.CheckingOwner, HandoffEvent.TransferFailed, Nothing)]
    [InlineData(HandoffState.CheckingOwner, HandoffEvent.Stop, "Stopped, and it ends")]
    [InlineData(HandoffState.Owner, HandoffEvent.Request, "Transferring")]
    [InlineData(HandoffState.Owner, HandoffEvent.Ready, Nothing)]
    [InlineData(HandoffState.Owner, HandoffEvent.TransferSucceeded, Nothing)]
    [InlineData(HandoffState.Owner, HandoffEvent.TransferFailed, Nothing)]
    [InlineData(HandoffState.Owner, HandoffEvent.Stop, "Stopped, and it ends")]
    [InlineData(HandoffState.Transferring, HandoffEvent.Request, Nothing)]
    [InlineData(HandoffState.Transferring, HandoffEvent.Ready, Nothing)]
    [InlineData(HandoffState.Transferring, HandoffEvent.TransferSucceeded, "Draining, and it ends")]
    [InlineData(HandoffState.Transferring, HandoffEvent.TransferFailed, "Owner")]
    [InlineData(HandoffState.Transferring, HandoffEvent.Stop, "Stopped, and it ends")]
    [InlineData(HandoffState.Draining, HandoffEvent.Request, Nothing)]
    [InlineData(HandoffState.Draining, HandoffEvent.Ready, Nothing)]
    [InlineData(HandoffState.Draining, HandoffEvent.TransferSucceeded, Nothing)]
    [InlineData(HandoffState.Draining, HandoffEvent.TransferFailed, Nothing)]
    [InlineData(HandoffState.Draining, HandoffEvent.Stop, "Stopped")]
    [InlineData(HandoffState.Stopped, HandoffEvent.Request, Nothing)]
    [InlineData(HandoffState.Stopped, HandoffEvent.Ready, Nothing)]
    [InlineData(HandoffState.Stopped, HandoffEvent.TransferSucceeded, Nothing)]
    [InlineData(HandoffState.Stopped, HandoffEvent.TransferFailed, Nothing)]
    [InlineData(HandoffState.Stopped, HandoffEvent.Stop, "Stopped")]
    public void A8(HandoffState state, HandoffEvent happened, string expected)
    {
        var transition = HandoffStateMachine.Next(state, happened);

        Assert.Equal(expected, transition.Accepted ? transition.State + (transition.Completes ? ", and it ends" : "") : Nothing);
        Assert.True(transition.Accepted || (transition.State == state && !transition.Completes));
    }

    [Fact]
    public void The_table_has_every_case() =>
        Assert.Equal(
            Enum.GetValues<HandoffState>().Length * Enum.GetValues<HandoffEvent>().Length,
            typeof(HandoffStateMachineTests).GetMethod(nameof(A8))!.GetCustomAttributes(typeof(InlineDataAttribute), false).Length);

    [Fact]
    public void Whatever_happens_a_process_ends_once()
    {
        foreach (var order in Orders(length: 6))
        {
            var (state, ends) = (HandoffState.CheckingOwner, 0);
            foreach (var happened in order)
            {
                var transition = HandoffStateMachine.Next(state, happened);
                (state, ends) = (transition.State, ends + (transition.Completes ? 1 : 0));
            }

            Assert.Equal(state is HandoffState.Draining or HandoffState.Stopped ? 1 : 0, ends);
        }
    }

    [Theory]
    [InlineData(HandoffState.CheckingOwner, "Open")]
    [InlineData(HandoffState.Owner, "Open")]
    [InlineData(HandoffState.Transferring, "InProgress")]
    [InlineData(HandoffState.Draining, "Completed")]
    [InlineData(HandoffState.Stopped, "Stopped")]
    public void The_store_is_locked_by_the_state(HandoffState state, string expected) => Assert.Equal(expected, HandoffStateMachine.LockIn(state).ToString());

    static IEnumerable<HandoffEvent[]> Orders(int length) => length == 0
        ? [[]]
        : Orders(length - 1).SelectMany(order => Enum.GetValues<HandoffEvent>().Select(happened => (HandoffEvent[])[.. order, happened]));
}
