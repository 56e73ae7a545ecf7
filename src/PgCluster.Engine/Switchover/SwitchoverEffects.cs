namespace PgCluster.Engine.Switchover;

/// <summary>Something a participant has to do because of a message.</summary>
public abstract record SwitchoverEffect;

/// <summary>Stop whatever runs for the switchover here, and let the application work.</summary>
public sealed record CancelAndResume : SwitchoverEffect;

/// <summary>Answer a reset with what this participant is.</summary>
/// <param name="AckId">The reset.</param>
public sealed record SendHello(Guid AckId) : SwitchoverEffect;

/// <summary>Start a timer.</summary>
/// <param name="Timer">Which one.</param>
/// <param name="Token">What it belongs to; handed back when it elapses.</param>
public sealed record StartTimer(SwitchoverTimer Timer, Guid Token) : SwitchoverEffect;

/// <summary>Copy; then append pause, or error when it fails. The leader's alone.</summary>
/// <param name="AckId">The message to answer.</param>
public sealed record StartSync(Guid AckId) : SwitchoverEffect;

/// <summary>Pause the application; then append paused, or error when it fails.</summary>
/// <param name="AckId">The message to answer.</param>
public sealed record PauseApplication(Guid AckId) : SwitchoverEffect;

/// <summary>Stop the world, sync and flip; then append done, or error when it fails. The leader's alone.</summary>
/// <param name="AckId">The message to answer.</param>
public sealed record StartExec(Guid AckId) : SwitchoverEffect;

/// <summary>Append a message.</summary>
/// <param name="Type">What it says.</param>
/// <param name="AckId">What it answers; the nil id for nothing.</param>
/// <param name="Text">A sentence with it; null for none.</param>
public sealed record AppendMessage(SwitchoverMessageType Type, Guid AckId, string? Text = null) : SwitchoverEffect;
