namespace PgCluster.Engine.Switchover;

/// <summary>A message of the switchover's log.</summary>
/// <param name="Id">Its own id, which answers refer to.</param>
/// <param name="Node">The participant that appended it.</param>
/// <param name="Type">What it says.</param>
/// <param name="AckId">The message it answers; the nil id when it answers none.</param>
/// <param name="Data">What comes with it, as JSON; null when nothing does.</param>
public sealed record SwitchoverMessage(Guid Id, Guid Node, SwitchoverMessageType Type, Guid AckId, string? Data)
{
    /// <summary>Its place in the log; 0 until it has one.</summary>
    public long Position { get; init; }

    /// <summary>When it was appended, by the server's clock.</summary>
    public DateTimeOffset At { get; init; }

    /// <summary>As a row for people.</summary>
    public SwitchoverLogEntry ToEntry() => new()
    {
        Id = Position,
        At = At,
        Node = Node == Guid.Empty ? null : Node,
        Type = SwitchoverMessageText.NameOf(Type),
        AckId = AckId == Guid.Empty ? null : AckId,
        Data = Data ?? "",
    };
}
