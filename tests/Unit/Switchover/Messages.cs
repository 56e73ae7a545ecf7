using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Unit.Switchover;

/// <summary>Participants and messages by number, so that tables stay readable.</summary>
internal static class Messages
{
    public static readonly Guid Leader = Node(1);
    public static readonly Guid Other = Node(2);
    public static readonly Guid Stranger = Node(9);

    private static long _position;

    public static Guid Node(int number) => new(number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

    public static Guid Id(int number) => new(number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);

    public static string Data(bool canExec = true) => SwitchoverMessageText.OfNode(new()
    {
        CanExec = canExec,
        CurrentDbId = Id(101),
        NextDbId = Id(102),
        StartedAt = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero),
    });

    public static SwitchoverMessage Message(SwitchoverMessageType type, Guid ack, Guid from, string? data = null, Guid? id = null) =>
        new(
            id ?? Guid.NewGuid(), from, type, ack,
            data ?? (type == SwitchoverMessageType.Hello ? Data(from == Leader) : SwitchoverMessageText.OfText($"text of {type}")))
        {
            Position = Interlocked.Increment(ref _position),
        };

    /// <summary>A view of a cluster of two in each of the states, reached by the messages that lead there.</summary>
    public static SwitchoverView ViewIn(SwitchoverState state)
    {
        var view = SwitchoverView.Initial;
        if (state == SwitchoverState.Unknown)
        {
            return view;
        }

        Send(SwitchoverMessageType.Reset, Leader);
        Send(SwitchoverMessageType.Hello, Leader);
        Send(SwitchoverMessageType.Hello, Other);
        (SwitchoverMessageType Type, Guid From)[] run =
        [
            (SwitchoverMessageType.ResetEnd, Leader), (SwitchoverMessageType.Execute, Leader), (SwitchoverMessageType.Pause, Leader),
            (SwitchoverMessageType.Paused, Leader), (SwitchoverMessageType.Paused, Other), (SwitchoverMessageType.Done, Leader),
        ];
        foreach (var (type, from) in run.TakeWhile(_ => view.State != state))
        {
            Send(type, from);
        }

        Assert.Equal(state, view.State);
        return view;

        void Send(SwitchoverMessageType type, Guid from) => view = SwitchoverStateMachine.Apply(view, Message(type, view.Current, from), Other).View;
    }
}
