namespace PgCluster;

/// <summary>What a set of writers saw: how long nothing could be committed, and whether every acknowledged commit is there.</summary>
public sealed record WriteGapReport
{
    /// <summary>Writers that ran at the same time, each on its own connection.</summary>
    public required int Writers { get; init; }

    /// <summary>Commits acknowledged.</summary>
    public required long Commits { get; init; }

    /// <summary>Longest time in which no writer's commit was acknowledged, in milliseconds.</summary>
    public required double WriteGapMs { get; init; }

    /// <summary>Longest time one single commit took, in milliseconds.</summary>
    public double LongestCommitMs { get; init; }

    /// <summary>Writers that were without an acknowledged commit for ten seconds longer than the gap lasted, attempts to connect again included.</summary>
    public int HungWriters { get; init; }

    /// <summary>Statements or connections that ended in an error.</summary>
    public required long ClientErrors { get; init; }

    /// <summary>Connections that had to be made again.</summary>
    public long Reconnects { get; init; }

    /// <summary>Acknowledged commits that are not in the database.</summary>
    public required long LostCommits { get; init; }

    /// <summary>Commits that are in the database twice.</summary>
    public required long DoubledCommits { get; init; }

    /// <summary>Commits whose client saw an error and that are in the database all the same: neither lost nor an error of ours.</summary>
    public long AmbiguousCommits { get; init; }

    /// <summary>Seconds the writers ran.</summary>
    public double DurationSeconds { get; init; }

    /// <summary>The errors by what they said, in the order in which they came first; those beyond the first twenty as one.</summary>
    public IReadOnlyList<WriteError> Errors { get; init => field = Indexable.Of(value); } = [];
}
