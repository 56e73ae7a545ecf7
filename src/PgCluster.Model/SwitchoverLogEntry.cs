namespace PgCluster;

/// <summary>One row of the switchover's message log.</summary>
public sealed record SwitchoverLogEntry
{
    /// <summary>Its place: 1, 2, 3 and so on without gaps.</summary>
    public required long Id { get; init; }

    /// <summary>When it was appended, by the server's clock.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The participant that appended it; null when the row cannot be read.</summary>
    public Guid? Node { get; init; }

    /// <summary>What it says: hello, reset, reset-end, execute, pause, paused, done, status, error or cancel; invalid when the row cannot be read.</summary>
    public required string Type { get; init; }

    /// <summary>The message it answers; null when it answers none.</summary>
    public Guid? AckId { get; init; }

    /// <summary>What comes with it, as JSON; empty when nothing does.</summary>
    public string Data { get; init; } = "";
}
