namespace PgCluster;

/// <summary>An operation after it happened; also the entry of the history.</summary>
public sealed record OperationReport
{
    /// <summary>The plan's id.</summary>
    public required string Id { get; init; }

    /// <summary>The kind of operation.</summary>
    public required string Kind { get; init; }

    /// <summary>The cluster's name.</summary>
    public required string Cluster { get; init; }

    /// <summary>How it ended.</summary>
    public required OperationOutcome Outcome { get; init; }

    /// <summary>The primary before; null when there was none.</summary>
    public string? OldPrimary { get; init; }

    /// <summary>The primary after; null when there is none.</summary>
    public string? NewPrimary { get; init; }

    /// <summary>The node it was about, several joined by commas; null when it was about the cluster.</summary>
    public string? Node { get; init; }

    /// <summary>True when the old primary was gone.</summary>
    public bool Forced { get; init; }

    /// <summary>Timeline after; 0 when unknown.</summary>
    public int Timeline { get; init; }

    /// <summary>LSN of the old primary's shutdown checkpoint that the new one was proven to have; null when none.</summary>
    public string? SwitchLsn { get; init; }

    /// <summary>Why, as the person who asked said it.</summary>
    public string Why { get; init; } = "";

    /// <summary>user@host of who asked.</summary>
    public string Actor { get; init; } = "";

    /// <summary>When it began, by the caller's clock.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>Seconds from beginning to end.</summary>
    public double DurationSeconds { get; init; }

    /// <summary>Seconds from the first pooler's pause to the last one's resume; null when nothing was paused.</summary>
    public double? PausedSeconds { get; init; }

    /// <summary>Longest time between two commits that clients saw, in seconds; null when it was not measured.</summary>
    public double? WriteGapSeconds { get; init; }

    /// <summary>Every step, undo included, in the order they ran.</summary>
    public required IReadOnlyList<StepReport> Steps { get; init => field = Indexable.Of(value); }

    /// <summary>What went wrong; null when nothing did.</summary>
    public string? Error { get; init; }

    /// <summary>Reason of <see cref="Error"/>; null when nothing went wrong.</summary>
    public Reason? ErrorReason { get; init; }
}
