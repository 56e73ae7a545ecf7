namespace PgCluster.Bench.Faults;

/// <summary>What came of one fault.</summary>
internal sealed record RoundResult
{
    public required string Fault { get; init; }

    public required int Round { get; init; }

    public required string Etcd { get; init; }

    public required double HoldSeconds { get; init; }

    /// <summary>Every invariant that broke; empty when all held.</summary>
    public required IReadOnlyList<string> Broken { get; init; }

    /// <summary>What the clients saw; null when the rows could not be read back.</summary>
    public WriteGapReport? Clients { get; init; }

    /// <summary>Seconds from the first harm until all was well.</summary>
    public double? SoundAfterSeconds { get; init; }

    /// <summary>Seconds from the moment the harm was taken back until all was well.</summary>
    public double? SoundAfterHealSeconds { get; init; }

    /// <summary>Pairs of nodes that acknowledged writes at the same time.</summary>
    public int WritersAtOnce { get; init; }

    /// <summary>Pairs of nodes that let a transaction write at the same time, whether or not it could be committed.</summary>
    public int AcceptingAtOnce { get; init; }

    public string? PrimaryBefore { get; init; }

    public string? PrimaryAfter { get; init; }

    /// <summary>Where the logs were kept; null unless an invariant broke.</summary>
    public string? Logs { get; init; }

    public IReadOnlyList<string> Events { get; init; } = [];
}
